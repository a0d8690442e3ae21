"""Access keeps its contract on both databases."""

import pytest

from services.access.testing import ACCESS_CHECKS
from services.store.examples import Bench
from services.store.testing import StoreCheck


@pytest.mark.parametrize("check", ACCESS_CHECKS, ids=lambda check: check.__name__)
def test_access_contract(check: StoreCheck, store_bench: Bench) -> None:
    check(store_bench)
