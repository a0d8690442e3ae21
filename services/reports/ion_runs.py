"""What a measurement keeps of the runs of molecular dynamics behind it: read from its details, which anybody may send.

Whatever stands there beside these keys is nobody's business here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.errors import InvalidValueError, SpecError
from domain.json_value import JsonObject
from domain.measurement import Censoring
from domain.parsing import parse

RUNS: Final = "runs"
"""Key under which it keeps them."""
_ENDINGS: Final = {"completed": "ran for its whole time", "stopped_early": "ended early", "exploded": "exploded"}


@dataclass(frozen=True, slots=True)
class Curve:
    """Mean squared displacement against lag time, `[L]` each."""

    lag_ps: tuple[float, ...]
    mean_A2: tuple[float, ...]
    error_A2: tuple[float, ...] | None = None
    """Standard error, from the spread between ions; None for a single ion."""

    def __post_init__(self) -> None:
        if len({len(self.lag_ps), len(self.mean_A2), len(self.lag_ps if self.error_A2 is None else self.error_A2)}) > 1:
            raise InvalidValueError(
                f"{len(self.mean_A2)} displacements for {len(self.lag_ps)} lags are no curve.",
                remedy="Give one displacement, and one error or none at all, for each lag.",
            )


@dataclass(frozen=True, slots=True)
class Estimate:
    """A diffusivity by one method."""

    method: str
    diffusivity_cm2_per_s: float
    """Where it is censored, the bound."""
    interval_cm2_per_s: tuple[float, float]
    """95 %."""
    n_effective: float
    """Hops that all ions made together."""
    censoring: Censoring = Censoring.NONE
    window_ps: tuple[float, float] | None = None
    """Where a line was fitted to the curve; None for a bound."""
    intercept_A2: float | None = None


@dataclass(frozen=True, slots=True)
class RunConductivity:
    """What a run says of the conductivity at its temperature."""

    conductivity_S_per_cm: float
    """Where it is censored, the bound."""
    interval_S_per_cm: tuple[float, float]
    """95 %."""
    censoring: Censoring = Censoring.NONE
    haven_ratio_assumed: float = 1.0
    assumptions: str = ""

    def __post_init__(self) -> None:
        if not self.conductivity_S_per_cm > 0:
            raise InvalidValueError(
                f"A conductivity of {self.conductivity_S_per_cm} S/cm has no logarithm.",
                remedy="Give a bound (censoring '<') where ions were not seen to diffuse.",
            )


@dataclass(frozen=True, slots=True)
class HavenSeen:
    """How the tracer's diffusivity compares with that of the charge in the same run."""

    ratio: float
    interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class RunFinding:
    """One finding about a run."""

    finding: str
    sentence: str


@dataclass(frozen=True, slots=True)
class RunHealth:
    """What a run shows."""

    verdict: str
    is_trustworthy: bool
    reasons: tuple[RunFinding, ...] = ()


@dataclass(frozen=True, slots=True)
class IonRun:
    """One run at one temperature; what follows `is_used` is missing where it exploded."""

    temperature_K: float
    ended: str
    is_used: bool
    """Whether the measured value rests on it."""
    why: str = ""
    """Why it ended."""
    duration_ps: float | None = None
    """Time that was analysed."""
    n_ions: int | None = None
    msd: Curve | None = None
    estimates: tuple[Estimate, ...] = ()
    """The first is the one that counts."""
    conductivity: RunConductivity | None = None
    haven_seen: HavenSeen | None = None
    health: RunHealth | None = None
    notes: tuple[str, ...] = ()
    """Which methods could not answer, and why."""

    def __post_init__(self) -> None:
        if not self.temperature_K > 0:
            raise InvalidValueError(
                f"A run at {self.temperature_K} K is impossible.", remedy="Give a temperature above 0 K."
            )

    @property
    def how_it_ended(self) -> str:
        """In people's words."""
        return _ENDINGS.get(self.ended, self.ended.replace("_", " "))


@dataclass(frozen=True, slots=True)
class _Runs:
    runs: tuple[IonRun, ...] = ()


def ion_runs(details: JsonObject) -> tuple[IonRun, ...]:
    """The runs behind a measurement, coldest first; none where it keeps none, or keeps something else by that name."""
    try:
        kept = parse(_Runs, {RUNS: details.get(RUNS, ())}, what="The runs")
    except SpecError:
        return ()
    return tuple(sorted(kept.runs, key=lambda run: run.temperature_K))


def with_curves(runs: Sequence[IonRun]) -> tuple[tuple[IonRun, Curve], ...]:
    """Those runs of which a mean squared displacement is kept."""
    return tuple((run, run.msd) for run in runs if run.msd is not None and run.msd.lag_ps)
