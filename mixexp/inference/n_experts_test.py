"""The bootstrap likelihood ratio test of K experts against K + 1."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.fit import Options
from mixexp.estimation.solvers.multistart import Optimum
from mixexp.estimation.start import Start
from mixexp.inference.bootstrap import other_optima
from mixexp.inference.fitted import Fitted
from mixexp.inference.n_experts_table import ExpertCountTest
from mixexp.inference.progress import collect
from mixexp.inference.refit import Problem, is_regular
from mixexp.inference.resampling import (
    LawSampler,
    Sample,
    check_count,
    seed_sequences,
    user_model,
)
from mixexp.inference.splits import doubled, split_starts
from mixexp.models.mixture import MixtureOfExperts

Array = NDArray[np.float64]

# A law that is written with one expert twice has its likelihood to this part of it.
_ROUNDING = 1e-9


class Ratio(NamedTuple):
    """The two fits to one data set.

    Attributes
    ----------
    smaller, larger : float
        Log-likelihoods of K and of K + 1 experts, nats.
    admissible : bool
        Whether the latter has no thin expert and no scale on its floor.
    regular : bool
        Whether both are certified, without such experts.
    nested : bool
        Whether the law of K experts is one of K + 1.
    seconds : float
    """

    smaller: float
    larger: float
    admissible: bool
    regular: bool
    nested: bool
    seconds: float

    @property
    def statistic(self) -> float:
        """2(ℓ_{K+1} - ℓ_K), not below zero where one class holds the other."""
        gain = 2.0 * (self.larger - self.smaller)
        if not self.nested:
            return gain
        # Without an optimum of its own, what K + 1 experts have to offer is the law of K.
        return max(gain, 0.0) if self.admissible else 0.0


@dataclass(frozen=True)
class Comparison:
    """Fits K and K + 1 experts to a data set; with a sampler, what a worker does for each seed.

    Attributes
    ----------
    small, large : MixtureOfExperts
        On the user's scale.
    options : Options
    starts : tuple of arrays (P,)
        Parameters of K experts on the user's scale to start from.
    n_starts : int
        Further starts for each of the two fits.
    sampler : LawSampler
    """

    small: MixtureOfExperts
    large: MixtureOfExperts
    options: Options
    starts: tuple[Array, ...]
    n_starts: int
    sampler: LawSampler

    def __call__(self, seed: np.random.SeedSequence) -> Ratio | None:
        of_data, of_starts = seed.spawn(2)
        try:
            sample = self.sampler.draw(np.random.default_rng(of_data))
            return self.of(sample, of_starts)
        except (ValueError, FloatingPointError, np.linalg.LinAlgError):
            return None

    def of(self, sample: Sample, seed: np.random.SeedSequence) -> Ratio:
        """Both fits to a data set, the larger one from splits of the smaller and its own starts."""
        begin = time.perf_counter()
        of_small, of_large, of_splits = seed.spawn(3)
        small = Problem.of(self.small, sample.x, sample.response, sample.weight, self.options)
        starts = [Start(small.from_user(psi), "fit") for psi in self.starts]
        lesser = small.best([*starts, *small.drawn(self.n_starts, of_small)])
        large = replace(small, model=self.large)
        rng = np.random.default_rng(of_splits)
        models = small.objective.model, large.objective.model
        splits = list(split_starts(models[0], lesser.theta, models[1], lesser.shares, rng))
        starts = [Start(large.box.project(start.theta), start.kind) for start in splits]
        greater = large.best([*starts, *large.drawn(self.n_starts, of_large)])
        return Ratio(
            small.loglik(lesser), large.loglik(greater), greater.admissible,
            is_regular(lesser) and is_regular(greater),
            _nested(small, lesser, large), time.perf_counter() - begin,
        )  # fmt: skip


def n_experts_test(
    fitted: Fitted,
    estimator: Any,
    n_boot: int = 99,
    *,
    n_jobs: int | None = None,
    random_state: Any = None,
    progress: bool = False,
    weights: str = "frequency",
    n_starts: int = 2,
) -> ExpertCountTest:
    r"""Test of K experts against K + 1 by :math:`T=2(\hat\ell_{K+1}-\hat\ell_K)`.

    T has no chi-squared law: where K experts are enough, the parameters of the expert that is too
    many are not identified (its weight may be zero, and then its mean is anything; or it may equal
    another expert), the information is singular, and the usual expansion fails. Its law under K
    experts is simulated instead: B data sets are drawn from the fit at the rows of the data, both
    numbers of experts are fitted to each, and

    .. math:: p = \frac{1+\#\{b: T^*_b\ge T\}}{B+1}.

    All 2(B + 1) fits are searched for in the same way: K experts from the fit, its next two optima
    and ``n_starts`` starts of their own, K + 1 from splits of every expert of the former and as
    many own starts, and the answer by the rule of the estimator (``min_share``, no scale on its
    floor). Where no such optimum of K + 1 experts lies above that of K, T is zero.

    Parameters
    ----------
    fitted : Fitted
    estimator : estimator
        What was fitted; its options are those of all fits.
    n_boot : int
        B; with 99 the smallest p-value is 0.01.
    n_jobs : int or None
        Worker processes in joblib's convention.
    random_state : None, int, numpy Generator or RandomState
        The result depends on it alone, not on the number of workers.
    progress : bool
        Whether to show a bar. Ctrl-C ends the run and keeps the replicates that are there.
    weights : {"frequency", "sampling"}
        Whether a row of weight two is two rows, or one row that stands for two.
    n_starts : int
        A search that misses optima makes T too small, in the data and in the replicates.

    Raises
    ------
    ValueError
        If an option is not one of those above.

    References
    ----------
    McLachlan (1987), On bootstrapping the likelihood ratio test statistic for the number of
    components in a normal mixture, Applied Statistics 36.
    Feng & McCulloch (1996), Using bootstrap likelihood ratios in finite mixture models, JRSS B 58.

    Examples
    --------
    >>> from mixexp import GaussianMoE
    >>> from mixexp.inference.fitted import Fitted
    >>> rng = np.random.default_rng(0)
    >>> x = rng.uniform(-1.0, 1.0, size=(100, 1))
    >>> side = np.where(rng.random(100) < 0.5, 1.0, -1.0)
    >>> y = side * (2.0 + x[:, 0]) + 0.3 * rng.normal(size=100)
    >>> moe = GaussianMoE(n_experts=1, gate_features=[]).fit(x, y)
    >>> test = n_experts_test(Fitted.of(moe, x, y, None), moe, n_boot=9, random_state=0)
    >>> test.pvalue, bool(test.statistic > 100.0)
    (0.1, True)
    """
    _check(n_boot, weights, n_starts)
    small = user_model(fitted)
    n_more = small.n_experts + 1
    large = replace(small, n_experts=n_more, gate=small.gate.for_experts(n_more))
    frequency = weights == "frequency"
    comparison = Comparison(
        small, large, estimator._options(), (fitted.psi, *other_optima(fitted, estimator)),
        n_starts, LawSampler(fitted, frequency=frequency),
    )  # fmt: skip
    of_data, *seeds = seed_sequences(random_state, n_boot + 1)
    response = small.expert.encode(fitted.y)
    observed = comparison.of(Sample(fitted.x, response, fitted.weight), of_data)
    found = collect(
        comparison, seeds, n_jobs=n_jobs, progress=progress,
        title=f"{small.n_experts} or {n_more} experts",
    )  # fmt: skip
    return ExpertCountTest.of(
        small.n_experts, fitted.loglik, observed, found.results, n_boot, found.interrupted
    )


def _nested(small: Problem, optimum: Optimum, large: Problem) -> bool:
    """Whether the law of K experts is one of K + 1, seen at a fit."""
    if not np.isfinite(optimum.value):
        return False
    models = small.objective.model, large.objective.model
    twice = doubled(models[0], optimum.theta, models[1], 0)
    plain = optimum.value + small.objective.penalty.value(optimum.theta)
    again = large.objective.evaluate(twice).value + large.objective.penalty.value(twice)
    return abs(again - plain) <= _ROUNDING * (1.0 + abs(plain))


def _check(n_boot: int, weights: str, n_starts: int) -> None:
    check_count(n_boot)
    if n_boot < 1:
        raise ValueError(f"n_boot={n_boot} draws no data set; use 99 or more")
    if n_starts < 0:
        raise ValueError(f"n_starts={n_starts} must not be negative; 0 uses given starts only")
    if weights not in ("frequency", "sampling"):
        raise ValueError(f"weights={weights!r} is neither 'frequency' nor 'sampling'")
