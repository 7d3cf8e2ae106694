"""Families of experts: one file each."""

from mixexp.models.experts._base import Expert, MStep
from mixexp.models.experts.binomial import Binomial, BinomialParams
from mixexp.models.experts.gaussian import Gaussian, GaussianParams
from mixexp.models.experts.multinomial import Multinomial, MultinomialParams
from mixexp.models.experts.multivariate_gaussian import (
    MultivariateGaussian,
    MultivariateGaussianParams,
)
from mixexp.models.experts.poisson import Poisson, PoissonParams

__all__ = [
    "Binomial",
    "BinomialParams",
    "Expert",
    "Gaussian",
    "GaussianParams",
    "MStep",
    "Multinomial",
    "MultinomialParams",
    "MultivariateGaussian",
    "MultivariateGaussianParams",
    "Poisson",
    "PoissonParams",
]
