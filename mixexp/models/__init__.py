"""The laws: hyper-parameters in objects, fitted values in NamedTuples, first axis = expert."""

from mixexp.models.experts import (
    Binomial,
    BinomialParams,
    Expert,
    Gaussian,
    GaussianParams,
    Multinomial,
    MultinomialParams,
    MultivariateGaussian,
    MultivariateGaussianParams,
    Poisson,
    PoissonParams,
)
from mixexp.models.gates import (
    Activation,
    ActivationParams,
    Gate,
    GaussianGate,
    GaussianGateParams,
    Softmax,
    SoftmaxParams,
    Temperature,
    TemperatureParams,
    TopK,
    Transformed,
)
from mixexp.models.law import Law
from mixexp.models.measure import MixingMeasure
from mixexp.models.mixture import MixtureOfExperts, MixtureParams

__all__ = [
    "Activation",
    "ActivationParams",
    "Binomial",
    "BinomialParams",
    "Expert",
    "Gate",
    "Gaussian",
    "GaussianGate",
    "GaussianGateParams",
    "GaussianParams",
    "Law",
    "MixingMeasure",
    "MixtureOfExperts",
    "MixtureParams",
    "Multinomial",
    "MultinomialParams",
    "MultivariateGaussian",
    "MultivariateGaussianParams",
    "Poisson",
    "PoissonParams",
    "Softmax",
    "SoftmaxParams",
    "Temperature",
    "TemperatureParams",
    "TopK",
    "Transformed",
]
