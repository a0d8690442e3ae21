"""The multi-fidelity Gaussian process: from observations to a belief.

Legend: B blueprints, N observations, M fidelities (T the target).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch

from domain.digest import content_digest
from domain.fidelity import Ladder
from domain.parsing import to_json_value
from domain.quantity import Objective
from domain.search_space import SearchSpace
from domain.training import Observation, PendingLook
from surrogates.belief import GaussianProcessBelief, draw_max_values, unwarp
from surrogates.diagnostics import Diagnostics, Incumbent
from surrogates.examination import examine_correlations, examine_levels, summarise_lengthscales, warn
from surrogates.features import FEATURES_VERSION, FeatureMap
from surrogates.fitting import fit_hyperparameters
from surrogates.kernel import HyperparameterPrior
from surrogates.posterior import Posterior, condition_on
from surrogates.scouts import recombine
from surrogates.settings import GaussianProcessSettings, RewardSettings
from surrogates.training_data import TrainingData, pack, read_observations, sort_pending

_VERSION: Final = "1"
_N_SCOUTS: Final = 512


@dataclass(frozen=True, slots=True)
class GaussianProcessSurrogate:
    """An exact Gaussian process over crystals and fidelities. See `surrogates.ports.Surrogate`."""

    name: str
    settings: GaussianProcessSettings
    space: SearchSpace
    ladder: Ladder
    objective: Objective
    is_target_only: bool = False
    """Whether every fidelity but the target is ignored: the baseline that a ladder has to beat."""

    @property
    def version(self) -> str:
        """Name, version of model and features, and the settings' digest."""
        digest = content_digest(to_json_value(self.settings))[:8]
        return f"{self.name} {_VERSION} (features {FEATURES_VERSION}, settings {digest})"

    @property
    def reward(self) -> RewardSettings:
        """How a generator is rewarded by the beliefs."""
        return self.settings.reward

    def fit(
        self, observations: Sequence[Observation], *, pending: Sequence[PendingLook] = (), seed: int
    ) -> GaussianProcessBelief:
        """Learns from observations. Numerical trouble never stops it: it becomes a warning in the diagnostics.

        Raises:
            SurrogateError: If a value is not positive and the quantity's scale is logarithmic.
            InvalidValueError: If a fidelity is not on the ladder.
        """
        feature_map = FeatureMap(self.space)
        data = read_observations(
            self._heard(observations), ladder=self.ladder, feature_map=feature_map, objective=self.objective
        )
        prior = HyperparameterPrior(
            group_sizes=tuple(len(group.features) for group in feature_map.groups),
            n_levels=len(self.ladder.names),
            is_coupled=not self.is_target_only,
        )
        fit = fit_hyperparameters(data.exact, prior, feature_map.columns, max_iterations=self.settings.max_iterations)
        exact = condition_on(data.exact, fit.parameters, feature_map.columns)
        known = exact
        if bool(data.is_bound.any()):
            known = condition_on(data.resolve_bounds(exact), fit.parameters, feature_map.columns)
        waiting = sort_pending(pending, self.ladder)
        posterior = _extend(known, waiting, feature_map, self.ladder)
        reference = recombine(
            data.looked_at, n_scouts=_N_SCOUTS, space=self.space, rng=torch.Generator().manual_seed(seed)
        )
        incumbent, card = _find_incumbent(data, posterior, feature_map)
        return GaussianProcessBelief(
            ladder=self.ladder,
            feature_map=feature_map,
            warp=data.warp,
            posterior=posterior,
            looked_at=data.looked_at,
            reference=reference,
            max_values=draw_max_values(
                posterior,
                torch.cat((feature_map(data.looked_at), feature_map(reference))),
                n_values=self.settings.n_max_values,
            ),
            incumbent=incumbent,
            diagnostics=Diagnostics(
                version=self.version,
                levels=examine_levels(data, exact, self.ladder),
                correlations=examine_correlations(data, fit.parameters, self.ladder),
                incumbent=card,
                lengthscales=summarise_lengthscales(fit.parameters, prior.group_sizes),
                log_posterior=fit.log_posterior,
                n_pending=len(waiting),
                warnings=(*fit.warnings, *warn(data, posterior, self.ladder)),
            ),
        )

    def _heard(self, observations: Sequence[Observation]) -> list[Observation]:
        target = self.ladder.target.name
        return [
            entry
            for entry in observations
            if self.ladder.rank(entry.fidelity) >= 0 and (entry.fidelity == target or not self.is_target_only)
        ]


def _extend(posterior: Posterior, pending: Sequence[PendingLook], feature_map: FeatureMap, ladder: Ladder) -> Posterior:
    if not pending:
        return posterior
    levels = torch.tensor([ladder.rank(look.fidelity) for look in pending], dtype=torch.int64)
    return posterior.extend(feature_map(pack([look.blueprint for look in pending], feature_map)), levels)


def _find_incumbent(
    data: TrainingData, posterior: Posterior, feature_map: FeatureMap
) -> tuple[float, Incumbent | None]:
    """The best expected warped value at the target among crystals that were looked at, and who has it."""
    if not len(data.looked_at):
        return 0.0, None
    moments = posterior.moments(feature_map(data.looked_at))
    best = moments.mean[:, -1].argmax().unsqueeze(0)
    (blueprint,) = data.looked_at.select(best).to_blueprints()
    mean, sd = moments.mean[best, -1], moments.variance[best, -1].sqrt()
    expected = unwarp(data.warp, -1, mean=mean, sd=sd)
    return float(mean), Incumbent(
        blueprint_digest=blueprint.digest,
        formula=blueprint.composition.reduced_formula,
        expected=float(expected.mean),
        sd=float(expected.sd),
    )
