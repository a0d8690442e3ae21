"""Hypothesis strategies for plain values: text, numbers, seeds, digests, times and JSON."""

from datetime import UTC, datetime

from hypothesis import strategies as st

from domain.campaign import LARGEST_SEED
from domain.digest import content_digest
from domain.json_value import JsonValue


def texts(*, min_size: int = 0, max_size: int = 20) -> st.SearchStrategy[str]:
    """Printable text of any script: what people write, and what every store keeps."""
    printable = st.characters(exclude_categories=["C"])
    return st.text(printable, min_size=min_size, max_size=max_size)


def names() -> st.SearchStrategy[str]:
    """Names that a campaign, fidelity or oracle may have."""
    return st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True)


def numbers(low: float = -1e6, high: float = 1e6) -> st.SearchStrategy[float]:
    """Finite numbers."""
    return st.floats(low, high, allow_nan=False, allow_infinity=False)


def positive_numbers(high: float = 1e6) -> st.SearchStrategy[float]:
    """Finite numbers from 1e-3."""
    return numbers(1e-3, high)


def seeds() -> st.SearchStrategy[int]:
    """Seeds that SQL stores and torch accepts."""
    return st.integers(0, LARGEST_SEED)


def digests() -> st.SearchStrategy[str]:
    """Content digests."""
    return st.integers(0).map(content_digest)


def instants() -> st.SearchStrategy[datetime]:
    """UTC-aware times of this century."""
    return st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


def json_values() -> st.SearchStrategy[JsonValue]:
    """Anything that JSON can express."""
    leaves: st.SearchStrategy[JsonValue] = st.one_of(
        st.none(), st.booleans(), st.integers(-(2**53), 2**53), numbers(), texts()
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts(), inner, max_size=3)),
        max_leaves=6,
    )


def json_objects() -> st.SearchStrategy[dict[str, JsonValue]]:
    """JSON objects: settings, payloads, details."""
    return st.dictionaries(texts(min_size=1), json_values(), max_size=3)
