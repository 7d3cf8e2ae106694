"""Very many small fits in one call."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from mixexp.estimation.executors import run_tasks
from mixexp.estimation.small.climb import REASONS
from mixexp.estimation.small.form import Form
from mixexp.estimation.small.problems import Problems
from mixexp.estimation.small.search import Ends, solve_jobs
from mixexp.estimation.solvers.chain import NEWTON_LIMIT
from mixexp.estimators import _inputs
from mixexp.estimators._base import MoEBase
from mixexp.estimators._many_inputs import DataSets, starts_of
from mixexp.models import MixtureOfExperts, MixtureParams

if TYPE_CHECKING:
    from pandas import DataFrame

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ManyFits:
    """The fits of M problems, made by :func:`fit_many`.

    Attributes
    ----------
    loglik : array (M,)
        Log-likelihoods on the user's scale, without penalties, nats.
    converged : array (M,) of bool
        Whether the certificate holds.
    remaining_gain : array (M,)
        What the quadratic model promises within a radius of 1, nats.
    n_evaluations : array (M,)
        Passes over the rows, those of the certificate included; 0 where they were not counted.
    reason : array (M,) of str
        Why the solver stopped.
    shares : array (M, K)
        Each expert's share of the total weight.
    params : MixtureParams
        On the user's scale; every array has the problem as first axis.
    theta : array (M, P)
        Free coordinates on the solver's scale.
    """

    loglik: Array
    converged: NDArray[np.bool_]
    remaining_gain: Array
    n_evaluations: Indices
    reason: NDArray[np.str_]
    shares: Array
    params: MixtureParams
    theta: Array
    _settings: Any = field(repr=False)
    _data: DataSets = field(repr=False)

    def __len__(self) -> int:
        return len(self.loglik)

    def params_of(self, index: int) -> MixtureParams:
        """Parameters of one problem.

        Raises
        ------
        IndexError
            If there is no such problem.
        """
        index = operator.index(index)
        if not -len(self) <= index < len(self):
            raise IndexError(f"index={index}: there are {len(self)} problems, 0 to {len(self) - 1}")
        found: MixtureParams = _each([self.params], lambda arrays: arrays[0][index])
        return found

    def estimator(self, index: int) -> Any:
        """An ordinary fitted estimator of one problem, with its certificate in full.

        It is fitted when it is asked for, from the parameters found: the price of one fit.

        Raises
        ------
        IndexError
            If there is no such problem.
        ValueError
            If its rows lack a class that other problems have.
        """
        params = self.params_of(index)
        return self._data.fit(self._settings, index % len(self), [params])

    def table(self) -> DataFrame:
        """One row for each problem: likelihood, certificate, evaluations, shares."""
        from pandas import DataFrame

        return DataFrame(
            {
                "loglik": self.loglik,
                "converged": self.converged,
                "remaining_gain": self.remaining_gain,
                "n_evaluations": self.n_evaluations,
                "reason": self.reason,
                "shares": [tuple(float(s) for s in np.round(row, 4)) for row in self.shares],
            }
        )


def _each(params: Sequence[Any], function: Callable[[Sequence[Array]], Any]) -> Any:
    """``function`` of the arrays that parameters have in the same place, as such parameters."""
    if not isinstance(params[0], tuple):
        return function(params)
    return type(params[0])(*(_each(part, function) for part in zip(*params, strict=True)))


class _Fitted(NamedTuple):
    """What is kept of a fit by the general engine."""

    loglik: float
    converged: bool
    remaining_gain: float
    reason: str
    shares: Array
    params: MixtureParams
    theta: Array


def fit_many(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    init: Any = None,
    sample_weight: Any = None,
    exposure: Any = None,
    trials: Any = None,
    n_jobs: int | None = None,
) -> ManyFits:
    """Fit one model to each of M data sets: bootstraps, simulations, groups.

    Each fit is the one that ``estimator`` itself would make with ``init`` and ``n_init=1``: the
    same standardisation, bounds, penalties, solver and certificate; where a problem is far from
    regular, rounding may lead the two to different optima. With starts given, models
    whose gate is :class:`~mixexp.Softmax` or :class:`~mixexp.models.Transformed` and whose experts
    have a single response are fitted together in compiled code, a fraction of a millisecond for
    n = 200 and K = 2. Other models are fitted one after the other, with the same result.

    Parameters
    ----------
    estimator : GaussianMoE, MultinomialMoE, PoissonMoE or BinomialMoE
        Not fitted: its settings are used. ``n_init`` and ``random_state`` matter without ``init``
        only.
    X : array (M, n, d) or sequence of arrays (n_i, d)
    y : array (M, n) or sequence of arrays (n_i,)
        Classes are those of all problems together.
    init : MixtureParams, MixingMeasure or sequence of them, optional
        One for all problems, or for each problem one or a list of them, of which the best optimum
        is kept. Without, every problem gets the estimator's own search over ``n_init`` starts, as
        long as ``estimator.fit`` takes: a hundred times longer than from a good start.
    sample_weight : array (M, n) or sequence of arrays (n_i,), optional
    exposure, trials : float, array (M, n) or sequence of them or of arrays (n_i,), optional
        What ``fit`` of PoissonMoE and of BinomialMoE takes under these names; 1 by default.
    n_jobs : int, optional
        Threads over problems (worker processes for models without a compiled form); None is 1,
        -1 all processors. The result does not depend on it.

    Returns
    -------
    ManyFits
        Problems that did not converge are flagged there, not left out.

    Raises
    ------
    ValueError
        If a data set cannot be fitted; the message names the problem. If the estimator has a
        formula, or no such argument as ``exposure`` or ``trials``.
    TypeError
        If ``estimator`` is not one of those above.

    Examples
    --------
    >>> import numpy as np
    >>> from mixexp import GaussianMoE, MixtureParams, fit_many
    >>> from mixexp.models import GaussianParams, SoftmaxParams
    >>> truth = MixtureParams(
    ...     SoftmaxParams(np.zeros(2), np.array([[3.0], [0.0]])),
    ...     GaussianParams(np.array([1.0, -1.0]), np.array([[1.0], [-1.0]]), np.full(2, 0.1)),
    ... )
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-1.0, 1.0, size=(50, 200, 1))
    >>> first = rng.random((50, 200)) < 1.0 / (1.0 + np.exp(-3.0 * X[..., 0]))
    >>> mean = np.where(first, 1.0 + X[..., 0], -1.0 - X[..., 0])
    >>> y = mean + np.sqrt(0.1) * rng.normal(size=mean.shape)
    >>> fits = fit_many(GaussianMoE(n_experts=2), X, y, init=truth)
    >>> bool(fits.converged.all()), fits.params.expert.intercept.shape
    (True, (50, 2))
    >>> fits.params.expert.intercept.mean(axis=0).round(1)
    array([ 1., -1.])
    >>> fits.estimator(0).certificate_.holds
    True
    """
    settings = _checked(estimator)
    argument, known = _known(settings, exposure=exposure, trials=trials)
    data = DataSets.read(settings, X, y, sample_weight, known, argument)
    model = settings._build(data.n_columns)
    starts = starts_of(init, model, len(data))
    form, options = Form.of(model), settings._options()
    compiled = (
        form is not None and starts is not None and options.solver in ("auto", "newton")
        and options.schedule is None and form.n_free <= NEWTON_LIMIT
        and form.is_small(data.largest)
    )  # fmt: skip
    if not compiled:
        return _one_by_one(settings, data, starts, n_jobs)
    assert form is not None and starts is not None
    response = model.expert.encode(data.y)
    problems = Problems.of(model, form, data.starts, data.x, response, data.weight, options)
    return _together(problems, starts, options, _inputs.n_threads(n_jobs), settings, data)


def _checked(estimator: Any) -> Any:
    """An estimator with the same settings, which are sound."""
    if not isinstance(estimator, MoEBase):
        raise TypeError(
            f"estimator is {estimator!r}; fit_many takes a GaussianMoE, MultinomialMoE, PoissonMoE "
            "or BinomialMoE"
        )
    if estimator.formula_ is not None:
        raise ValueError(
            "estimator has a formula, and X and y are arrays here; give one without a formula, "
            "with gate_features and expert_features"
        )
    settings = clone(estimator)
    settings._validate_params()
    return settings


def _known(settings: Any, **given: Any) -> tuple[str, Any]:
    """Which of the arguments was given, and its value; the name is empty if none was."""
    found = [(name, value) for name, value in given.items() if value is not None]
    takes = inspect.signature(settings.fit).parameters
    for name, _ in found:
        if name not in takes:
            raise ValueError(
                f"{name} is no argument of {type(settings).__name__}.fit; leave it out"
            )
    return found[0] if found else ("", None)


def _together(
    problems: Problems, starts: list[list[MixtureParams]], options: Any, n_threads: int,
    settings: Any, data: DataSets,
) -> ManyFits:  # fmt: skip
    """All fits in compiled code."""
    problem = np.repeat(np.arange(len(starts)), [len(s) for s in starts])
    theta = problems.theta([params for each in starts for params in each], problem)
    ends = solve_jobs(
        problems.batch, problem, theta, tol=options.tol, max_iter=options.max_iter,
        n_threads=n_threads,
    )  # fmt: skip
    shares = ends.climbs.points.mass / problems.total_weight[problem][:, None]
    best = _best(problems.model, problem, ends, shares, problems.batch.lower, options.min_share)
    points, counts = ends.climbs.points, np.bincount(problem, ends.n_evaluations)
    theta = points.theta[best]
    return ManyFits(
        problems.loglik(theta, points.value[best]), ends.verdicts.holds[best],
        ends.climbs.gain[best], counts.astype(np.int64),
        np.array([REASONS[int(code)].value for code in ends.climbs.reason[best]]),
        shares[best], problems.params(theta), theta, settings, data,
    )  # fmt: skip


def _best(
    model: MixtureOfExperts, problem: Indices, ends: Ends, shares: Array, lower: Array,
    min_share: float,
) -> Indices:  # fmt: skip
    """The job with the answer to each problem, by the rule of a search over starts."""
    points = ends.climbs.points
    floor = np.any((points.theta <= lower + 1e-9) & model.layout.entries("scale"), axis=1)
    thin = np.any(~(shares >= min_share), axis=1)
    # What is not finite would come last, which is the best.
    value = np.where(np.isfinite(points.value), points.value, -np.inf)
    order = np.lexsort((value, ends.verdicts.holds, ~(floor | thin), problem))
    last = np.append(problem[order][1:] != problem[order][:-1], True)
    return order[last]


def _one_by_one(
    settings: Any, data: DataSets, starts: list[list[MixtureParams]] | None, n_jobs: int | None
) -> ManyFits:
    """All fits by the general engine."""
    tasks = [(i, None if starts is None else starts[i]) for i in range(len(data))]
    task = _Task(settings, data)
    fitted = dict(run_tasks(task, tasks, n_jobs))
    each = [fitted[i] for i in range(len(data))]

    def stack(name: str) -> Any:
        return np.array([getattr(one, name) for one in each])

    params = _each([one.params for one in each], np.stack)
    return ManyFits(
        stack("loglik"), stack("converged"), stack("remaining_gain"),
        np.zeros(len(each), dtype=np.int64), stack("reason"), stack("shares"), params,
        stack("theta"), settings, data,
    )  # fmt: skip


@dataclass(frozen=True)
class _Task:
    """One fit by the general engine; can be pickled."""

    settings: Any
    data: DataSets

    def __call__(self, task: tuple[int, Sequence[MixtureParams] | None]) -> _Fitted:
        fitted = self.data.fit(self.settings, *task)
        certificate, best = fitted.certificate_, fitted._optima[0]
        gain = np.inf if certificate is None else certificate.remaining_gain
        stopped = [run.stopped for run in fitted._runs if run.optimum == 0][-1]
        return _Fitted(
            fitted.loglik_, fitted.converged_, gain, stopped, best.shares, fitted.params_,
            best.theta,
        )  # fmt: skip
