"""Scalar activations σ with their first two derivatives."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr

Array = NDArray[np.float64]
Function = Callable[[Any], Any]


@dataclass(frozen=True)
class ActivationFunction:
    """A function σ of one number, applied to every entry of an array, and σ', σ''.

    Parameters
    ----------
    name : str
        How it is called in tables and certificates.
    value, first, second : callable
        σ, σ' and σ''; defined at module level, so that fits can be pickled.
    degree : float, optional
        p if σ(cz) = c^p σ(z) for every c > 0; then the scale of the gate is not identified.
    mirrored : bool
        Whether σ(z) + σ(-z) is constant; then two experts can swap the reference.
    even : bool
        Whether σ(z) = σ(-z); then the sign of an expert's slopes is not identified.
    kink : bool
        Whether σ' jumps at 0.

    Raises
    ------
    ValueError
        If a function cannot be pickled, or ``degree`` is not a positive number.

    Examples
    --------
    >>> z = np.array([-1.0, 0.0, 2.0])
    >>> RELU.value(z), RELU.degree
    (array([0., 0., 2.]), 1.0)
    """

    name: str
    value: Function
    first: Function
    second: Function
    degree: float | None = None
    mirrored: bool = False
    even: bool = False
    kink: bool = False

    def __post_init__(self) -> None:
        for part in (self.value, self.first, self.second):
            try:
                pickle.dumps(part)
            except Exception as error:
                raise ValueError(
                    f"activation {self.name!r}: {part!r} cannot be pickled; define the function at "
                    "module level"
                ) from error
        if self.degree is not None and not 0.0 < self.degree < np.inf:
            raise ValueError(
                f"activation {self.name!r}: degree={self.degree} must be a positive number, or None"
            )

    def __repr__(self) -> str:
        return self.name


def _tanh_first(z: Array) -> Array:
    return 1.0 - np.tanh(z) ** 2


def _tanh_second(z: Array) -> Array:
    t = np.tanh(z)
    return -2.0 * t * (1.0 - t * t)


def _sigmoid(z: Array) -> Array:
    # Pickle knows no home of SciPy's own function, and would look for it in every loaded module.
    return np.asarray(expit(z))


def _sigmoid_first(z: Array) -> Array:
    return expit(z) * expit(-z)


def _sigmoid_second(z: Array) -> Array:
    return expit(z) * expit(-z) * (expit(-z) - expit(z))


def _normal_density(z: Array) -> Array:
    return np.exp(-0.5 * np.minimum(z * z, 1400.0)) / np.sqrt(2.0 * np.pi)


def _gelu(z: Array) -> Array:
    return z * ndtr(z)


def _gelu_first(z: Array) -> Array:
    return ndtr(z) + z * _normal_density(z)


def _gelu_second(z: Array) -> Array:
    return (2.0 - z * z) * _normal_density(z)


def _softplus(z: Array) -> Array:
    return np.logaddexp(0.0, z)


def _minus_sin(z: Array) -> Array:
    return -np.sin(z)


def _zero(z: Array) -> Array:
    return np.zeros_like(z)


def _one(z: Array) -> Array:
    return np.ones_like(z)


def _two(z: Array) -> Array:
    return np.full_like(z, 2.0)


def _twice(z: Array) -> Array:
    return 2.0 * z


def _relu(z: Array) -> Array:
    return np.maximum(z, 0.0)


def _step(z: Array) -> Array:
    return (z > 0.0).astype(float)


def _same(z: Array) -> Array:
    return z


TANH = ActivationFunction("tanh", np.tanh, _tanh_first, _tanh_second, mirrored=True)
SIGMOID = ActivationFunction("sigmoid", _sigmoid, _sigmoid_first, _sigmoid_second, mirrored=True)
GELU = ActivationFunction("gelu", _gelu, _gelu_first, _gelu_second)
SOFTPLUS = ActivationFunction("softplus", _softplus, _sigmoid, _sigmoid_first)
SIN = ActivationFunction("sin", np.sin, np.cos, _minus_sin, mirrored=True)
IDENTITY = ActivationFunction("identity", _same, _one, _zero, degree=1.0, mirrored=True)
RELU = ActivationFunction("relu", _relu, _step, _zero, degree=1.0, kink=True)
SQUARE = ActivationFunction("square", np.square, _twice, _two, degree=2.0, even=True)
