"""Multinomial logistic experts: class probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from mixexp._kernels import multinomial as kernels
from mixexp._kernels.elementary import exp_nonpositive
from mixexp.models.basis import Affine, Monomials
from mixexp.models.categorical_components import CategoricalComponents
from mixexp.models.coordinates import Coordinate, Sharing
from mixexp.models.experts._base import Array
from mixexp.models.experts._newton import NewtonExpert
from mixexp.models.experts._responses import check, numbers


class MultinomialParams(NamedTuple):
    """Intercepts a (K, J) and slopes b (K, J, n_terms - 1); those of the last class are zero."""

    intercept: Array
    coef: Array


class Multinomial(NewtonExpert):
    """Multinomial logistic experts, P_k(j | x) = exp(a_kj + b_kjᵀφ(x)) / Σ_l exp(a_kl + b_klᵀφ(x)).

    Responses are class codes 0..J-1. The last class is the reference: its intercept and slopes are
    zero, which removes the translation of an expert's logits that changes nothing.

    Parameters
    ----------
    n_classes : int, default=2
        Number J of classes, at least 2.
    degree : int, default=1
        Total degree of the monomials φ(x) of the logits; 0 gives constant probabilities.

    References
    ----------
    The model of Nguyen et al. (2023), A general theory for softmax gating multinomial logistic
    mixture of experts, arXiv 2310.14188.

    Examples
    --------
    >>> expert = Multinomial(n_classes=3)
    >>> [c.name for c in expert.coordinates(columns=(0,))]
    ['class[0]', 'class[1]']
    >>> logits = [np.log([[2.0, 1.0]]), np.log([[1.0, 6.0]])]
    >>> np.exp(expert.log_density(logits, expert.encode([0, 2]), np.empty((1, 2))))
    array([[0.5  , 0.125]])
    """

    def __init__(self, n_classes: int = 2, degree: int = 1):
        self.n_classes = n_classes
        self.degree = degree

    def encode(self, y: Any) -> Array:
        codes = numbers(y)
        outside = f"is not a class code 0..{self.n_classes - 1}"
        remedy = "number the classes from 0 without gaps, or raise n_classes"
        inside = (codes[0] >= 0.0) & (codes[0] < self.n_classes)
        check(inside & (codes[0] == np.floor(codes[0])), codes[0], outside, remedy)
        return codes

    def coordinates(
        self, columns: tuple[int, ...], affine: Affine | None = None
    ) -> tuple[Coordinate, ...]:
        if self.n_classes < 2:
            raise ValueError(f"n_classes must be 2 or more, got {self.n_classes}.")
        basis = Monomials(columns, self.degree)
        return tuple(
            Coordinate(
                f"class[{j}]", basis, Sharing.EXPERT, box="expert", n_categories=self.n_classes
            )
            for j in range(self.n_classes - 1)
        )

    def intercepts(self, y: Array, weight: Array | None) -> tuple[float, ...]:
        # Half an observation more in each class keeps the logits of empty classes finite.
        counts = 0.5 + np.bincount(y[0].astype(np.intp), weight, minlength=self.n_classes)
        return tuple(float(c) for c in np.log(counts[:-1] / counts[-1]))

    def positions(self, y: Array) -> Array:
        return np.eye(self.n_classes)[:, y[0].astype(np.intp)]

    def log_density(self, predictors: list[Array], y: Array, out: Array) -> Array:
        kernels.log_density(y[0], *_powers(predictors), out)
        return out

    def derivatives(
        self, predictors: list[Array], y: Array, order: int, first: Array, second: Array
    ) -> None:
        _, powers = _powers(predictors)
        kernels.derivatives(y[0], powers, order, first, second)

    def to_params(self, coefficients: list[Array]) -> MultinomialParams:
        table = np.stack([*coefficients, np.zeros_like(coefficients[0])], axis=1)
        return MultinomialParams(table[:, :, 0].copy(), table[:, :, 1:].copy())

    def from_params(self, params: MultinomialParams) -> list[Array]:
        table = np.concatenate([params.intercept[:, :, None], params.coef], axis=2)
        return list((table[:, :-1] - table[:, -1:]).transpose(1, 0, 2).copy())

    def atoms(self, params: MultinomialParams) -> dict[str, Array]:
        return params._asdict()

    def from_atoms(self, atoms: Mapping[str, Array]) -> MultinomialParams:
        return MultinomialParams(np.asarray(atoms["intercept"]), np.asarray(atoms["coef"]))

    def components(
        self, predictors: list[Array], known: Array | None = None
    ) -> CategoricalComponents:
        n_experts, n_rows = predictors[0].shape
        table = np.empty((n_rows, n_experts, self.n_classes))
        out = np.empty((n_experts, n_rows))
        for code in range(self.n_classes):
            codes = np.full((1, n_rows), float(code))
            table[:, :, code] = self.log_density(predictors, codes, out).T
        return CategoricalComponents(table)

    def mean_derivatives(self, predictors: list[Array], known: Array | None = None) -> Array:
        _, powers = _powers(predictors)
        p = powers / powers.sum(axis=0)
        first = -p[:, None] * p[None, :-1]
        for j in range(self.n_classes - 1):
            others = np.delete(p, j, axis=0).sum(axis=0)
            first[j, j] = p[j] * others
        return first

    def mean_range(self, known: Array | None = None) -> tuple[float, float | Array]:
        return 0.0, 1.0


def _powers(predictors: list[Array]) -> tuple[Array, Array]:
    """Logits of all classes minus the largest, and their exponentials, each (J, K, B)."""
    exponents = np.empty((len(predictors) + 1, *predictors[0].shape))
    kernels.exponents(np.stack(predictors), exponents)
    powers = np.empty_like(exponents)
    exp_nonpositive(exponents.reshape(-1), powers.reshape(-1))
    return exponents, powers
