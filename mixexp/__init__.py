"""mixexp: statistical mixtures of experts.

Maximum-likelihood fits that say how far they can be trusted, and the convergence theory of mixtures
of experts as code.
"""

from mixexp.estimators import GaussianMoE
from mixexp.models import (
    Gaussian,
    MixingMeasure,
    MixtureOfExperts,
    MixtureParams,
    Softmax,
)

__version__ = "0.1.0.dev0"

__all__ = [
    "Gaussian",
    "GaussianMoE",
    "MixingMeasure",
    "MixtureOfExperts",
    "MixtureParams",
    "Softmax",
    "__version__",
]
