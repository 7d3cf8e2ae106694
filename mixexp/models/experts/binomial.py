"""Binomial experts: successes out of trials, or a binary response."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np
from scipy.special import expit

from mixexp._kernels import glm as kernels
from mixexp.models.discrete_components import BinomialComponents, log_binomial
from mixexp.models.experts._base import Array
from mixexp.models.experts._glm import GLMExpert
from mixexp.models.experts._responses import check, check_trials, numbers


class BinomialParams(NamedTuple):
    """Intercepts b (K,) and slopes a (K, n_terms - 1) of the logit."""

    intercept: Array
    coef: Array


class Binomial(GLMExpert):
    """Binomial experts, f_k(y | x) = Binomial(y; m, 1 / (1 + exp(-b_k - a_kᵀ φ(x)))), m trials.

    Responses are 0 or 1 (n,), or (n, 2) with columns [successes, trials].

    Parameters
    ----------
    degree : int, default=1
        Total degree of the monomials φ(x) of the logit; 0 gives a constant probability.

    References
    ----------
    Grün & Leisch (2008), Finite mixtures of generalized linear regression models, in: Recent
    Advances in Linear Models and Related Areas, Springer.

    Examples
    --------
    >>> expert = Binomial()
    >>> y = expert.encode([[2, 3], [0, 0]])
    >>> np.exp(expert.log_density([np.zeros((1, 2))], y, np.empty((1, 2))))
    array([[0.375, 1.   ]])
    """

    coordinate: ClassVar[str] = "logit"
    parameters: ClassVar[type[BinomialParams]] = BinomialParams

    def __init__(self, degree: int = 1):
        self.degree = degree

    def encode(self, y: Any) -> Array:
        successes, *rest = numbers(y, columns="[successes, trials]")
        remedy = "with more than one trial pass two columns, [successes, trials]"
        if not rest:
            binary = (successes == 0.0) | (successes == 1.0)
            check(binary, successes, "is neither 0 nor 1", remedy)
        trials = rest[0] if rest else np.ones_like(successes)
        check_trials(trials)
        whole = (successes >= 0.0) & (successes == np.floor(successes))
        check(whole, successes, "is not a number of successes", "pass whole numbers, 0 or more")
        remedy = "the columns are [successes, trials], not [successes, failures]"
        check(successes <= trials, successes, "is more than the trials", remedy)
        return np.stack([successes, trials, log_binomial(trials, successes)])

    def known(self, y: Array) -> Array:
        return y[1]

    def intercepts(self, y: Array, weight: Array | None) -> tuple[float, ...]:
        w = np.ones_like(y[0]) if weight is None else weight
        # Half a trial more of either outcome keeps the logit finite.
        return (float(np.log((0.5 + w @ y[0]) / (0.5 + w @ (y[1] - y[0])))),)

    def positions(self, y: Array) -> Array:
        rate = (y[0] + 0.5) / (y[1] + 1.0)
        return ((rate - rate.mean()) / (rate.std() or 1.0))[None]

    def log_density(self, predictors: list[Array], y: Array, out: Array) -> Array:
        kernels.binomial_log_density(y, predictors[0], out)
        return out

    def derivatives(
        self, predictors: list[Array], y: Array, order: int, first: Array, second: Array
    ) -> None:
        kernels.binomial_derivatives(y, predictors[0], order, first, second)

    def components(self, predictors: list[Array], known: Array | None = None) -> BinomialComponents:
        logit = predictors[0].T
        return BinomialComponents(_trials(known, len(logit))[:, None], logit)

    def mean_derivatives(self, predictors: list[Array], known: Array | None = None) -> Array:
        (logit,) = predictors
        trials = _trials(known, logit.shape[1])
        return (trials * expit(logit) * expit(-logit))[None, None]

    def mean_range(self, known: Array | None = None) -> tuple[float, float | Array]:
        return 0.0, 1.0 if known is None else np.asarray(known, dtype=float)


def _trials(known: Array | None, n_rows: int) -> Array:
    trials = np.ones(n_rows) if known is None else np.asarray(known, dtype=float)
    check_trials(trials, "trials")
    return trials
