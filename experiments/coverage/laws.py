"""The laws that data are drawn from, and what the intervals should cover under each.

Fixed before any number was seen: two named truths of the rate studies, and one law that is not in
the model class at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixexp import GaussianMoE, MixingMeasure, MultinomialMoE
from mixexp.theory.truths.named import TRUTHS

Array = NDArray[np.float64]
Draw = Callable[[int, np.random.Generator], tuple[Array, Array]]

# Rows that stand for the population where no formula gives the best law of the class.
_POPULATION = 4_000_000


@dataclass(frozen=True)
class Law:
    """A law of (x, y), the estimator whose intervals are checked, and what these should cover.

    Attributes
    ----------
    title : str
    draw : callable
        ``draw(n, rng)`` gives x (n, d) and y (n,).
    estimator : callable
        ``estimator(**settings)`` makes the estimator.
    target : callable
        The measure of the class nearest to the law in Kullback-Leibler divergence: the truth
        itself where the class holds it.
    points : array (m, d)
        Where densities, means and gate probabilities are asked for.
    """

    title: str
    draw: Draw
    estimator: Callable[..., Any]
    target: Callable[[], MixingMeasure]
    points: Array


def gaussian(**settings: Any) -> GaussianMoE:
    """The estimator of the Gaussian laws."""
    return GaussianMoE(n_experts=2, **settings)


def multinomial(**settings: Any) -> MultinomialMoE:
    """The estimator of the law of classes, without its default ridge: exact likelihood."""
    return MultinomialMoE(n_experts=2, gate_penalty=None, expert_penalty=None, **settings)


def draw_skewed(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Two lines with noise that is skewed and whose spread depends on x.

    The gate and the lines are those of the truth "balanced"; the noise is
    (1/4 + |x|/2)(E - 1) with E exponential, where the model says N(0, σ_k²).
    """
    truth = TRUTHS["balanced"]
    x = truth.sample_x(n, rng)
    first = rng.random(n) < truth.model.weights(truth.params, x)[:, 0]
    means = truth.model.expert_means(truth.params, x)
    noise = (0.25 + 0.5 * np.abs(x[:, 0])) * (rng.exponential(size=n) - 1.0)
    return x, np.where(first, means[:, 0], means[:, 1]) + noise


@cache
def skewed_target() -> MixingMeasure:
    """The Gaussian mixture of experts nearest to the skewed law, fitted to four million rows.

    Its own error, a standard error of one observation over 2000, is a thirtieth of the standard
    errors at n = 5000.
    """
    x, y = draw_skewed(_POPULATION, np.random.default_rng(20261123))
    fit = gaussian(init=TRUTHS["balanced"].measure, n_init=1, random_state=0).fit(x, y)
    return fit.measure_


def _of_truth(name: str, estimator: Callable[..., Any], title: str) -> Law:
    truth = TRUTHS[name]
    d = truth.model.n_columns
    points = np.linspace(0.6 * truth.lower, 0.6 * truth.upper, 3)
    return Law(title, truth.sample, estimator, lambda: truth.measure, np.tile(points[:, None], d))


LAWS: dict[str, Law] = {
    "gaussian": _of_truth("overlapping", gaussian, "Gaussian experts, overlapping, model true"),
    "multinomial": _of_truth("multinomial", multinomial, "three classes, model true"),
    "skewed": Law(
        "Gaussian experts, noise skewed and heteroscedastic: model false",
        draw_skewed, gaussian, skewed_target, np.array([[-0.6], [0.0], [0.6]]),
    ),
}  # fmt: skip
