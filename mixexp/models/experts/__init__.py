"""Families of experts: one file each."""

from mixexp.models.experts._base import Expert, MStep
from mixexp.models.experts.gaussian import Gaussian, GaussianParams

__all__ = ["Expert", "Gaussian", "GaussianParams", "MStep"]
