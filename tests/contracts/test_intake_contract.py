"""Intake keeps its contract on both databases."""

import pytest

from services.intake.testing import INTAKE_CHECKS
from services.store.examples import Bench
from services.store.testing import StoreCheck


@pytest.mark.parametrize("check", INTAKE_CHECKS, ids=lambda check: check.__name__)
def test_intake_contract(check: StoreCheck, store_bench: Bench) -> None:
    check(store_bench)
