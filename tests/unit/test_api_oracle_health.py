"""One look that fails makes no sick oracle."""

import pytest

from services.api.routers.oracles import OracleHealth, health_of

GOOD, BAD = False, True


@pytest.mark.parametrize(
    ("last_failed", "health"),
    [
        ((), OracleHealth.UNUSED),
        ((GOOD,), OracleHealth.HEALTHY),
        ((BAD,), OracleHealth.FAILING),
        ((BAD, GOOD, GOOD, GOOD, GOOD), OracleHealth.HEALTHY),
        ((BAD, BAD, GOOD, GOOD, GOOD), OracleHealth.HEALTHY),
        ((BAD, BAD, BAD, *[GOOD] * 7), OracleHealth.FAILING),
        ((GOOD, BAD, GOOD, BAD, BAD, BAD, GOOD, BAD, BAD, GOOD), OracleHealth.FAILING),
    ],
)
def test_an_oracle_is_failing_when_most_of_its_last_looks_failed(last_failed, health):
    assert health_of(last_failed) is health
