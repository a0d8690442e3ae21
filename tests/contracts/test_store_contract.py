"""Both databases keep the store's contract."""

import pytest

from services.store.examples import Bench
from services.store.testing import STORE_CHECKS, StoreCheck


@pytest.mark.parametrize("check", STORE_CHECKS, ids=lambda check: check.__name__)
def test_store_contract(check: StoreCheck, store_bench: Bench) -> None:
    check(store_bench)
