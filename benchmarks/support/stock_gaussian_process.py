"""The belief's Gaussian process put together from the parts of GPyTorch and BoTorch."""

import torch
from botorch.models.gpytorch import GPyTorchModel
from gpytorch.distributions import MultivariateNormal
from gpytorch.kernels import Kernel, MaternKernel
from gpytorch.likelihoods import FixedNoiseGaussianLikelihood
from gpytorch.means import ZeroMean
from gpytorch.models import ExactGP
from torch import Tensor

from surrogates.belief import GaussianProcessBelief


class StockModel(ExactGP, GPyTorchModel):
    """The belief's Gaussian process from stock parts; the last column of its inputs is the fidelity's rank."""

    num_outputs = 1

    def __init__(self, belief: GaussianProcessBelief, inputs: Tensor, targets: Tensor, noise_variance: Tensor) -> None:
        super().__init__(inputs, targets, FixedNoiseGaussianLikelihood(noise_variance))
        self.mean_module = ZeroMean()
        self.covar_module = StockKernel(belief)
        self.double().eval()

    def forward(self, x: Tensor) -> MultivariateNormal:
        """Prior at points."""
        return MultivariateNormal(self.mean_module(x), self.covar_module(x))


class StockKernel(Kernel):
    """S ∘ (w1 C + w2 G + w3 C G + w4 C G Y) + O, as `surrogates.kernel` states it, from GPyTorch's Matérn kernels.

    Dense matrices are multiplied: products of GPyTorch's lazy ones are decomposed first, which takes longer.
    """

    def __init__(self, belief: GaussianProcessBelief) -> None:
        super().__init__()
        self.parameters_of_belief, columns = belief.posterior.parameters, belief.posterior.columns
        lengthscale = self.parameters_of_belief.lengthscale
        spans = (slice(0, 2), slice(2, 4), slice(4, 5))
        self.parts = torch.nn.ModuleList([matern(columns[span], lengthscale[span]) for span in spans])

    def forward(self, x1: Tensor, x2: Tensor, **options: bool) -> Tensor:
        """Covariance of points."""
        given, weight = self.parameters_of_belief, self.parameters_of_belief.weight
        chemistry, geometry, symmetry = (part(x1, x2, **options).to_dense() for part in self.parts)
        crystal = (
            weight[0] * chemistry + weight[1] * geometry + chemistry * geometry * (weight[2] + weight[3] * symmetry)
        )
        rows, columns = x1[..., -1].long(), x2[..., -1].long()
        if not options.get("diag"):
            rows, columns = rows.unsqueeze(-1), columns.unsqueeze(-2)
        return given.level_covariance[rows, columns] * crystal + given.mean_covariance[rows, columns]


def matern(columns: tuple[slice, ...], lengthscales: Tensor) -> Kernel:
    """Matérn-5/2 over adjacent groups of features, each with its lengthscale."""
    active = tuple(range(columns[0].start, columns[-1].stop))
    kernel = MaternKernel(nu=2.5, ard_num_dims=len(active), active_dims=active).double()
    kernel.lengthscale = lengthscales.repeat_interleave(torch.tensor([span.stop - span.start for span in columns]))
    return kernel
