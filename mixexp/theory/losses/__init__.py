"""Voronoi losses, one module for each model; every loss is a table of exponents.

Losses of different models share names, as in the papers, so import the module:

>>> from mixexp.theory.losses import topk_gaussian
>>> topk_gaussian.d1(1).n_active
1
"""

from mixexp.theory.losses import (
    activation_gaussian,
    gaussian_gate,
    softmax_gaussian,
    softmax_multinomial,
    temperature_gaussian,
    topk_gaussian,
)

__all__ = [
    "activation_gaussian",
    "gaussian_gate",
    "softmax_gaussian",
    "softmax_multinomial",
    "temperature_gaussian",
    "topk_gaussian",
]
