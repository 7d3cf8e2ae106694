"""The bootstrap of a fit: its parameters estimated again from data sets drawn anew."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixexp.estimation.fit import Options
from mixexp.estimation.start import Start
from mixexp.inference.alignment import has_pinned_reference, matching_order, permuted
from mixexp.inference.bootstrap_table import Bootstrap
from mixexp.inference.fitted import Fitted
from mixexp.inference.progress import collect
from mixexp.inference.refit import Problem, is_regular
from mixexp.inference.resampling import (
    CaseSampler,
    LawSampler,
    Sample,
    check_count,
    seed_sequences,
    user_model,
)
from mixexp.models.mixture import MixtureOfExperts

Array = NDArray[np.float64]

# Other optima of the fit that are among the starts of every replicate.
_OTHER_OPTIMA = 2


class Replicate(NamedTuple):
    """What came of one data set: ψ (P,), or NaN and the error."""

    psi: Array
    loglik: float
    regular: bool
    flags: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Replication:
    """Draws a data set and fits it: what a worker does for each seed.

    Attributes
    ----------
    model : MixtureOfExperts
        On the user's scale.
    sampler : CaseSampler or LawSampler
    options : Options
    starts : tuple of arrays (P,)
        Parameters on the user's scale to start from.
    n_starts : int
        Further starts, drawn for each replicate.
    """

    model: MixtureOfExperts
    sampler: CaseSampler | LawSampler
    options: Options
    starts: tuple[Array, ...]
    n_starts: int

    def __call__(self, seed: np.random.SeedSequence) -> Replicate:
        begin = time.perf_counter()
        of_data, of_starts = seed.spawn(2)
        try:
            problem = self._problem(self.sampler.draw(np.random.default_rng(of_data)))
            starts = [Start(problem.from_user(psi), "fit") for psi in self.starts]
            optimum = problem.best([*starts, *problem.drawn(self.n_starts, of_starts)])
        except (ValueError, FloatingPointError, np.linalg.LinAlgError) as error:
            # A data set that cannot be fitted is an outcome, which is counted.
            text = f"{type(error).__name__}: {error}"
            nothing = np.full(self.model.layout.n_free, np.nan)
            return Replicate(nothing, np.nan, False, (text,), time.perf_counter() - begin)
        return Replicate(
            problem.to_user(optimum.theta), problem.loglik(optimum), is_regular(optimum),
            optimum.flags, time.perf_counter() - begin,
        )  # fmt: skip

    def _problem(self, sample: Sample) -> Problem:
        return Problem.of(self.model, sample.x, sample.response, sample.weight, self.options)


def bootstrap(
    fitted: Fitted,
    estimator: Any,
    n_boot: int = 200,
    kind: str = "case",
    *,
    n_jobs: int | None = None,
    random_state: Any = None,
    progress: bool = False,
    groups: ArrayLike | None = None,
    weights: str = "frequency",
    n_starts: int = 2,
    unidentified: NDArray[np.bool_] | None = None,
) -> Bootstrap:
    r"""Estimates :math:`\hat\psi^*_b` from B data sets drawn anew, labels as in the fit.

    Every data set is fitted from :math:`\hat\psi`, from the next two optima that the fit found and
    from ``n_starts`` starts of its own, and the answer is chosen as the estimator chooses it. Its
    experts are then put in the order in which their responsibilities at the rows of the fit are
    most like those of the fit, and contrasts of the gate taken to the expert that is last now.

    Parameters
    ----------
    fitted : Fitted
    estimator : estimator
        What was fitted; its options are those of the replicates.
    n_boot : int
        B, the number of data sets.
    kind : {"case", "parametric"}
        Rows drawn with replacement, or responses drawn from the fitted law at the rows of the fit.
    n_jobs : int or None
        Worker processes in joblib's convention.
    random_state : None, int, numpy Generator or RandomState
        The replicates depend on it alone, not on the number of workers.
    progress : bool
        Whether to show a bar. Ctrl-C ends the run and keeps the replicates that are there.
    groups : array (n,), optional
        Labels of rows that depend on each other: cases are then whole groups.
    weights : {"frequency", "sampling"}
        Whether a row of weight two is two rows, or one row that stands for two.
    n_starts : int
        More of them protect from optima that were not seen in the fit, at their price in time.
    unidentified : array (P,) of bool, optional
        Parameters that the data do not determine: of those there are replicates, but neither
        standard errors nor intervals.

    Raises
    ------
    ValueError
        If an option is not one of those above, or groups come with ``kind="parametric"``.

    References
    ----------
    Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapters 6 and 13.
    O'Hagan, Murphy, Scrucca & Gormley (2019), Investigation of parameter uncertainty in clustering
    using a Gaussian mixture model via jackknife, bootstrap and weighted likelihood bootstrap,
    Computational Statistics 34, for starting replicates at the fit.

    Examples
    --------
    >>> from mixexp import GaussianMoE
    >>> from mixexp.datasets import load_faithful
    >>> from mixexp.inference.fitted import Fitted
    >>> data = load_faithful()
    >>> x, y = data[["eruptions"]].to_numpy(), data["waiting"].to_numpy(float)
    >>> moe = GaussianMoE(n_experts=1).fit(x, y)
    >>> boot = bootstrap(Fitted.of(moe, x, y, None), moe, n_boot=40, random_state=0)
    >>> boot.n_done, boot.n_failed, boot.bse.round(1).to_list()
    (40, 0, [1.1, 0.3, 0.1])
    """
    _check(n_boot, kind, groups, weights, n_starts)
    frequency = weights == "frequency"
    sampler: CaseSampler | LawSampler = (
        CaseSampler(fitted, groups, frequency=frequency)
        if kind == "case"
        else LawSampler(fitted, frequency=frequency)
    )
    model = user_model(fitted)
    starts = (fitted.psi, *other_optima(fitted, estimator))
    replication = Replication(model, sampler, estimator._options(), starts, n_starts)
    found = collect(
        replication, seed_sequences(random_state, n_boot),
        n_jobs=n_jobs, progress=progress, title=f"{kind} bootstrap",
    )  # fmt: skip
    replicates = [_aligned(fitted, replicate) for replicate in found.results]
    return Bootstrap.of(
        fitted, replicates, kind=kind, n_boot=n_boot, interrupted=found.interrupted,
        unidentified=unidentified,
    )  # fmt: skip


def other_optima(fitted: Fitted, estimator: Any) -> list[Array]:
    """Parameters on the user's scale of the next best optima that the fit found."""
    found = [o.theta for o in getattr(estimator, "_optima", ())]
    others = [theta for theta in found if not np.array_equal(theta, fitted.theta)]
    return [fitted.user(theta) for theta in others[:_OTHER_OPTIMA]]


def _aligned(fitted: Fitted, replicate: Replicate) -> Replicate:
    layout = fitted.model.layout
    if layout.n_experts == 1 or np.isnan(replicate.psi).any():
        return replicate
    reference = fitted.objective.responsibilities(fitted.theta)
    other = fitted.objective.responsibilities(fitted.solver(replicate.psi))
    order = matching_order(reference, other, fitted.weight, last_stays=has_pinned_reference(layout))
    return replicate._replace(psi=permuted(layout, replicate.psi, order))


def _check(n_boot: int, kind: str, groups: Any, weights: str, n_starts: int) -> None:
    check_count(n_boot)
    if n_boot < 2:
        raise ValueError(f"n_boot={n_boot} replicates have no spread; use 200 or more")
    if n_starts < 0:
        raise ValueError(f"n_starts={n_starts} must not be negative; 0 starts at the fit only")
    if kind not in ("case", "parametric"):
        raise ValueError(
            f"kind={kind!r} is neither 'case' (rows drawn with replacement) nor 'parametric' "
            "(responses drawn from the fitted law)"
        )
    if weights not in ("frequency", "sampling"):
        raise ValueError(f"weights={weights!r} is neither 'frequency' nor 'sampling'")
    if groups is not None and kind == "parametric":
        raise ValueError(
            "groups= cannot be used with kind='parametric': the fitted law knows of no dependence "
            "within groups; use kind='case', which draws whole groups"
        )
