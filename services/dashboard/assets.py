"""Scripts and styles: ours, and those of others that the installation took from npm."""

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

PREFIX: Final = "/assets"
_HERE: Final = Path(__file__).parent
_OURS: Final = _HERE / "static"
_OTHERS: Final = _HERE / "vendor"
"""Filled by `make assets`; never committed."""
EXPECTED: Final = frozenset({"htmx.js", "plotly.js", "3dmol.js"})
"""What pages need of others."""
_MEDIA_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
)
_FOR_EVER: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that browsers keep until its content changes."""

    name: str
    media_type: str
    content: bytes
    packed: bytes
    """The same by gzip."""
    version: str
    """Names the content."""

    @property
    def url(self) -> str:
        """Where this very content is found."""
        return f"{PREFIX}/{self.name}?v={self.version}"


class Assets:
    """All files that pages may load, by name. Nothing else is ever read from the disk on a visitor's word."""

    def __init__(self, folders: tuple[Path, ...] = (_OURS, _OTHERS)) -> None:
        self._assets = {asset.name: asset for folder in folders for asset in _read(folder)}

    @property
    def public(self) -> frozenset[tuple[str, str]]:
        """The routes of the files: nothing in them is anybody's secret, and the page to sign in needs them."""
        return frozenset(("GET", f"{PREFIX}/{name}") for name in self._assets)

    @property
    def missing(self) -> tuple[str, ...]:
        """What pages need of others and the installation has not brought."""
        return tuple(sorted(EXPECTED - self._assets.keys()))

    def url(self, name: str) -> str:
        """Where a file is found; a file that is missing leads to a page that is not there."""
        asset = self._assets.get(name)
        return asset.url if asset is not None else f"{PREFIX}/{name}"

    def respond(self, request: Request, name: str) -> Response:
        """Answers a browser that asks for a file."""
        asset = self._assets.get(name)
        if asset is None:
            return Response(status_code=404)
        is_packed = "gzip" in request.headers.get("accept-encoding", "")
        keeps = _FOR_EVER if request.query_params.get("v") == asset.version else "no-cache"
        headers = {"ETag": f'"{asset.version}"', "Cache-Control": keeps, "Vary": "Accept-Encoding"}
        if is_packed:
            headers["Content-Encoding"] = "gzip"
        content = asset.packed if is_packed else asset.content
        return Response(content, media_type=asset.media_type, headers=headers)


def _read(folder: Path) -> Iterator[Asset]:
    for path in sorted(folder.glob("*")):
        if path.suffix not in _MEDIA_TYPES:
            continue
        content = path.read_bytes()
        ready = path.with_name(f"{path.name}.gz")
        packed = ready.read_bytes() if ready.exists() else gzip.compress(content, mtime=0)
        version = hashlib.sha256(content).hexdigest()[:16]
        yield Asset(path.name, _MEDIA_TYPES[path.suffix], content, packed, version)
