"""What users import: scikit-learn estimators."""

from mixexp.estimators.regression import GaussianMoE

__all__ = ["GaussianMoE"]
