"""Centres and scales of many problems, and parameters on them and on the user's scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mixexp.models.basis import Affine, Basis, Monomials
from mixexp.models.mixture import MixtureOfExperts

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Scales:
    """Maps z = (x - center) / scale of M problems, and of their response.

    ``x_center`` and ``x_scale`` are (M, d), ``y_center`` and ``y_scale`` (M,).
    """

    x_center: Array
    x_scale: Array
    y_center: Array
    y_scale: Array

    @classmethod
    def identity(cls, n_problems: int, n_columns: int) -> Self:
        """The maps that change nothing."""
        zero, one = np.zeros((n_problems, n_columns)), np.ones((n_problems, n_columns))
        return cls(zero, one, np.zeros(n_problems), np.ones(n_problems))

    def inverse(self) -> Scales:
        """The maps back to the user's columns."""
        return Scales(
            -self.x_center / self.x_scale, 1.0 / self.x_scale,
            -self.y_center / self.y_scale, 1.0 / self.y_scale,
        )  # fmt: skip

    def of(self, problem: int) -> Affine:
        """The map of one problem."""
        return Affine(
            self.x_center[problem], self.x_scale[problem],
            float(self.y_center[problem]), float(self.y_scale[problem]),
        )  # fmt: skip

    def take(self, problems: NDArray[np.int64]) -> Scales:
        """Those of some problems, in any order."""
        return Scales(
            self.x_center[problems], self.x_scale[problems],
            self.y_center[problems], self.y_scale[problems],
        )  # fmt: skip

    def change(self, basis: Basis) -> Array | None:
        """Matrices T with φ(z) = T φ(x), (M, n_terms, n_terms); None for the identity.

        Maps of the user's columns are the same on every scale.
        """
        if not isinstance(basis, Monomials) or basis.n_terms == 1:
            return None
        place = {term: i for i, term in enumerate(basis.terms)}
        matrix = np.zeros((len(self.y_scale), basis.n_terms, basis.n_terms))
        matrix[:, 0, 0] = 1.0
        for i, term in enumerate(basis.terms[1:], start=1):
            # A term is one of lower degree times (x_j - center) / scale.
            lower, column = matrix[:, place[term[:-1]]], term[-1]
            center, scale = self.x_center[:, column], self.x_scale[:, column]
            for below, j in place.items():
                if len(below) < len(term):
                    raised = place[tuple(sorted((*below, column), key=basis.columns.index))]
                    matrix[:, i, raised] += lower[:, j] / scale
                    matrix[:, i, j] -= lower[:, j] * center / scale
        return matrix

    def rescaled(self, model: MixtureOfExperts, tables: list[Array]) -> list[Array]:
        """Coefficients (M, K, n_terms) on the user's scale, one array for each coordinate.

        As :meth:`mixexp.models.mixture.MixtureOfExperts.rescale` of each problem. A response with a
        scale is that of experts with a mean and a log-variance.
        """
        found = []
        for c, table in zip(model.layout.coordinates, tables, strict=True):
            change = self.change(c.basis)
            found.append(table.copy() if change is None else table @ change)
        if model.expert.standardizes:
            mean, log_variance = found[-2:]
            mean *= self.y_scale[:, None, None]
            mean[:, :, 0] += self.y_center[:, None]
            log_variance += 2.0 * np.log(self.y_scale)[:, None, None]
        return found


def tables_of(model: MixtureOfExperts, theta: Array) -> list[Array]:
    """θ (M, P) as one array (M, K or 1, n_terms) for each coordinate, pinned rows included."""
    layout, found = model.layout, []
    for c, (rows, terms), where in zip(
        layout.coordinates, layout.shapes, layout.slices, strict=True
    ):
        table = theta[:, where].reshape(len(theta), rows, terms)
        if c.sharing.has_reference:
            table = np.concatenate([table, np.zeros((len(theta), 1, terms))], axis=1)
        found.append(table)
    return found


def vectors_of(model: MixtureOfExperts, tables: list[Array]) -> Array:
    """The inverse of :func:`tables_of`."""
    shapes = model.layout.shapes
    rows = [t[:, :n].reshape(len(t), -1) for t, (n, _) in zip(tables, shapes, strict=True)]
    return np.ascontiguousarray(np.concatenate(rows, axis=1))


def standardize(rows: Array, weight: Array | None) -> tuple[Array, Array]:
    """Centre and scale each of the rows (M, n) in place; their means and standard deviations.

    The rules are those of one problem, :class:`mixexp.estimation.data.Data`: a large mean does not
    cancel, and a constant row is only centred.
    """
    total = rows.shape[1] if weight is None else weight.sum(axis=1)
    first = rows[:, :1].copy()
    rows -= first
    mean = (rows if weight is None else rows * weight).sum(axis=1) / total
    rows -= mean[:, None]
    size = np.maximum(rows.max(axis=1), -rows.min(axis=1))
    center = first[:, 0] + mean
    constant = size <= 8.0 * np.finfo(float).eps * np.abs(center)
    rows[constant] = 0.0
    size[constant] = 1.0
    rows /= size[:, None]
    square = rows * rows if weight is None else weight * rows * rows
    spread = np.sqrt(square.sum(axis=1) / total)
    spread[constant] = 1.0
    rows /= spread[:, None]
    return center, size * spread
