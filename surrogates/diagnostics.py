"""How far a belief can be trusted, as plain values that the store can keep."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LevelDiagnostics:
    """How well one fidelity is understood, judged by leaving out each of its exact observations in turn."""

    fidelity: str
    n_observations: int
    median_error: float | None
    """Median absolute error of the left-out value, in the quantity's unit; None with fewer than 2 observations."""
    relative_error: float | None
    """Root mean square error in units of what predicting the mean of the others would give; below 1 is learned."""
    coverage_68: float | None
    """Share of left-out values inside of their 68 % intervals."""
    coverage_95: float | None
    """Share of left-out values inside of their 95 % intervals."""
    noise_sd: float
    """Learned noise of one look, in the warped scale in which values vary by about 1."""


@dataclass(frozen=True, slots=True)
class LevelCorrelation:
    """How much two fidelities say about each other across crystals, beyond a constant offset."""

    lower: str
    upper: str
    correlation: float
    """Learned, -1 to 1. Price has no part in it."""
    n_paired: int
    """Crystals that were looked at on both."""


@dataclass(frozen=True, slots=True)
class Incumbent:
    """The crystal that is believed to be the best one at the target among those that were looked at."""

    blueprint_digest: str
    formula: str
    expected: float
    """Expected value at the target, in the quantity's unit."""
    sd: float
    """And how sure it is."""


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """What a scientist should see beside a belief."""

    version: str
    """Of the surrogate."""
    levels: tuple[LevelDiagnostics, ...]
    """Ascending in rank."""
    correlations: tuple[LevelCorrelation, ...]
    """Of each pair of fidelities."""
    incumbent: Incumbent | None
    """None before the first look."""
    lengthscales: dict[str, float]
    """Learned lengthscale by group of features, in units of the typical distance between two crystals."""
    log_posterior: float
    """Log marginal likelihood plus log prior of the hyper-parameters."""
    n_pending: int
    warnings: tuple[str, ...] = ()
    """What did not go as usual, one sentence each."""
