"""The rows of many small problems, each problem in one piece of memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mixexp._kernels import small_pass
from mixexp.estimation.small.form import Form

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass
class Points:
    """Points θ (M, P), one for each of M jobs, and what is known there.

    Value (M,), Σ w r (M, K), gradient (M, P) and Hessian (M, P, P).
    """

    theta: Array
    value: Array
    mass: Array
    gradient: Array
    hessian: Array

    @classmethod
    def at(cls, theta: Array, n_experts: int) -> Self:
        """At θ, with memory for what will be known."""
        m, p = theta.shape
        shapes = (m,), (m, n_experts), (m, p), (m, p, p)
        return cls(theta, *(np.empty(shape) for shape in shapes))


@dataclass(frozen=True, eq=False)
class Batch:
    """Problems of one model, their data, and the penalty and box that all of them have.

    Attributes
    ----------
    form : Form
    starts : array (M + 1,)
        Where the rows of each problem begin, and where those of the last end.
    features, products, y : arrays (N T,), (N T (T + 1) / 2,) and (N D,)
        Of one problem after the other, each (T, n), ..., as the kernels read them.
    weight : array (N,)
    penalty : array (P, P)
    lower, upper : arrays (P,)
    """

    form: Form
    starts: Indices
    features: Array
    products: Array
    y: Array
    weight: Array
    penalty: Array
    lower: Array
    upper: Array

    @classmethod
    def pack(
        cls,
        form: Form,
        starts: Indices,
        features: Array,
        y: Array,
        weight: Array | None,
        penalty: Array,
        box: tuple[Array, Array],
    ) -> Batch:
        """From features (T, N) and responses (D, N) of the rows of all problems in a row."""
        n_terms, n_rows = features.shape
        packed, responses = np.empty(n_terms * n_rows), np.empty(y.size)
        products = np.empty(n_terms * (n_terms + 1) // 2 * n_rows)
        small_pass.pack(starts, features, y, packed, products, responses)
        # A read-only array would be another type to the compiler.
        weight = np.ones(n_rows) if weight is None else np.array(weight, dtype=float)
        return cls(form, starts, packed, products, responses, weight, penalty, *box)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def evaluate(self, problem: Indices, points: Points, jobs: Indices, order: int) -> None:
        """Fill in what is known at the points of ``jobs``; ``problem`` (M,) has the rows of each.

        ``order`` is 0 for values, 1 for what an EM step needs, 2 for gradient and Hessian; see
        :func:`mixexp._kernels.small_pass.evaluate`.
        """
        form = self.form
        small_pass.evaluate(
            jobs, problem, order, form.family, form.n_experts, form.coordinates, self.starts,
            self.features, self.products, self.y, self.weight, self.penalty,
            points.theta, points.value, points.mass, points.gradient, points.hessian,
        )  # fmt: skip
