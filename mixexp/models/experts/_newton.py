"""The M-step of experts without a closed form: one Newton step for each expert."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np

from mixexp.models.experts._base import Array, Expert, MStep
from mixexp.models.quadratic import maximize_in_box, weighted_gram

_LONGEST_STEP = 2.0
# Curvature that is always there, relative to the score: where it underflows (probabilities of zero
# or one), the step is as long as it may be instead of undefined.
_CURVATURE = 1e-14


class NewtonExpert(Expert):
    r"""Experts whose log-density is concave in local coordinates with one common feature map.

    With weights :math:`w_{ik}` of the rows (row weight times responsibility), expert k has the
    objective :math:`\sum_i w_{ik} f(y_i; u_{1ik}, \dots, u_{Eik}) - \tfrac12\lambda\|a_k\|^2`,
    :math:`u_{cik} = \theta_{ck}^\top\varphi(x_i)`. The M-step is one step of Newton's method, at
    most 2 long: near the optimum it doubles the digits, far from it it can overshoot, which the
    solver notices and mends by halving.

    A family gives all its coordinates one feature map that begins with the constant, with one free
    row for each expert, and brings its own ``derivatives``.
    """

    def statistics(
        self, weights: Array, predictors: list[Array], features: list[Array], y: Array
    ) -> list[Array]:
        """Scores (E, K, p), information (E(E+1)/2, K, p, p) and mass (K,), all weighted sums."""
        n, shape, phi = len(predictors), weights.shape, features[0]
        first, second = np.empty((n, *shape)), np.empty((n * (n + 1) // 2, *shape))
        self.derivatives(predictors, y, 2, first, second)
        first *= weights
        second *= -weights
        information = weighted_gram(second.reshape(-1, shape[1]), phi)
        n_terms = len(phi)
        return [
            first @ phi.T,
            information.reshape(len(second), shape[0], n_terms, n_terms),
            weights.sum(axis=1),
        ]

    def m_step(
        self, statistics: list[Array], coefficients: list[Array], constraints: MStep
    ) -> list[Array]:
        scores, blocks, mass = statistics
        n, n_experts, n_terms = scores.shape
        start, lower, upper = (
            np.concatenate(tables, axis=1)
            for tables in (coefficients, constraints.lower, constraints.upper)
        )
        between = np.eye(n) - self._centring()
        ridge = constraints.penalty * np.kron(between, np.diag(np.arange(n_terms) > 0))
        gradient = np.concatenate(scores, axis=1) - start @ ridge
        pairs = np.empty((n_experts, n, n_terms, n, n_terms))
        for block, (a, b) in zip(blocks, combinations_with_replacement(range(n), 2), strict=True):
            pairs[:, a, :, b] = pairs[:, b, :, a] = block
        information = pairs.reshape(n_experts, n * n_terms, n * n_terms)
        information += ridge
        diagonal = np.einsum("kpp->kp", information)
        diagonal += _CURVATURE * np.abs(gradient)
        step = maximize_in_box(information, gradient, start, lower, upper)
        # The data say nothing about an expert without responsibility; the penalty alone must not.
        step[mass <= 0.0] = 0.0
        # Shortening keeps an ascent direction one, and the box is convex.
        length = np.linalg.norm(step, axis=1, keepdims=True)
        step *= _LONGEST_STEP / np.maximum(length, _LONGEST_STEP)
        return list((start + step).reshape(n_experts, n, n_terms).transpose(1, 0, 2).copy())

    def _centring(self) -> float:
        """What centring over categories takes off the ridge between any two coordinates."""
        n_categories = self.coordinates(())[0].n_categories
        return 1.0 / n_categories if n_categories else 0.0
