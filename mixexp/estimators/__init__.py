"""What users import: scikit-learn estimators."""

from mixexp.estimators.blome import BLoME
from mixexp.estimators.classification import MultinomialMoE
from mixexp.estimators.counts import PoissonMoE
from mixexp.estimators.glome import GLoME
from mixexp.estimators.regression import GaussianMoE
from mixexp.estimators.trials import BinomialMoE

__all__ = ["BLoME", "BinomialMoE", "GLoME", "GaussianMoE", "MultinomialMoE", "PoissonMoE"]
