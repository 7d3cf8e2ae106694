"""mixexp: statistical mixtures of experts.

Maximum-likelihood fits that say how far they can be trusted, and the convergence theory of mixtures
of experts as code.
"""

from mixexp.estimation.solvers import TemperatureSchedule
from mixexp.estimators import BinomialMoE, BLoME, GaussianMoE, GLoME, MultinomialMoE, PoissonMoE
from mixexp.models import (
    Activation,
    Binomial,
    Gaussian,
    MixingMeasure,
    MixtureOfExperts,
    MixtureParams,
    Multinomial,
    Poisson,
    Softmax,
    Temperature,
    TopK,
    Transformed,
)
from mixexp.persistence import load, save
from mixexp.selection import ModelSelector

__version__ = "0.1.0.dev0"

__all__ = [
    "Activation",
    "BLoME",
    "Binomial",
    "BinomialMoE",
    "GLoME",
    "Gaussian",
    "GaussianMoE",
    "MixingMeasure",
    "MixtureOfExperts",
    "MixtureParams",
    "ModelSelector",
    "Multinomial",
    "MultinomialMoE",
    "Poisson",
    "PoissonMoE",
    "Softmax",
    "Temperature",
    "TemperatureSchedule",
    "TopK",
    "Transformed",
    "__version__",
    "load",
    "save",
]
