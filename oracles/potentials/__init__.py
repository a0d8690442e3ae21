"""Universal machine-learned potentials by name. They are imported by a look only, which runs in a worker process."""

from oracles.potentials.choice import PotentialChoice
from oracles.potentials.potential import Potential
from oracles.potentials.usability import Usability, survey

__all__ = ["Potential", "PotentialChoice", "Usability", "survey"]
