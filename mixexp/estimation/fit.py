"""A whole fit: data on the solver's scale, starts on a sketch, optima on the data, certificates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.blocks import single_threaded_blas
from mixexp.estimation.box import Bounds, Box
from mixexp.estimation.candidates import Pool, draw, splits_on_data
from mixexp.estimation.data import Data
from mixexp.estimation.identifiability import data_findings, exact_findings, fit_findings
from mixexp.estimation.objective import Objective
from mixexp.estimation.penalty import Ridge
from mixexp.estimation.sketch import sketch_rows
from mixexp.estimation.solvers.annealing import TemperatureSchedule
from mixexp.estimation.solvers.multistart import Optimum, Search
from mixexp.estimation.solvers.runs import Run, continued
from mixexp.estimation.start import Start, from_responsibilities
from mixexp.estimation.topk_start import has_change_points
from mixexp.models.mixture import MixtureOfExperts, MixtureParams

Array = NDArray[np.float64]

# Phase, number of the start, their total (0 if unknown) and what the start ended in.
Report = Callable[[str, int, int, Optimum], None]

_SKETCH_ROWS = 1024
# How far the gate's bound is lifted to look for separation beyond it.
_LIFT = 100.0
# Rows at which the density of a fit is compared with that of other parameters.
_COMPARED_ROWS = 200


@dataclass(frozen=True)
class Options:
    """How to fit; the estimators document each of these."""

    solver: str = "auto"
    n_init: int = 10
    bounds: Bounds = field(default_factory=Bounds)
    min_share: float = 0.05
    tol: float = 1e-8
    max_iter: int = 500
    gate_penalty: float | None = None
    expert_penalty: float | None = None
    standardize: bool = True
    n_threads: int = 1
    seed: int = 0
    schedule: TemperatureSchedule | None = None


@dataclass(frozen=True)
class Fit:
    """Distinct optima of a fit, best first, the objective they are optima of, and all climbs."""

    objective: Objective
    optima: list[Optimum]
    runs: list[Run] = field(default_factory=list, repr=False)

    def params(self, optimum: Optimum) -> MixtureParams:
        """Parameters of an optimum on the user's scale."""
        model, data = self.objective.model, self.objective.data
        coefficients = model.layout.coefficients(optimum.theta)
        return model.to_params(model.rescale(coefficients, data.affine))

    def loglik(self, optimum: Optimum) -> float:
        """Log-likelihood of an optimum on the user's scale, without penalties, nats."""
        penalty = self.objective.penalty.value(optimum.theta)
        return optimum.value + penalty - self.objective.data.log_scale


@single_threaded_blas()
def fit(
    model: MixtureOfExperts,
    x: Array,
    y: Array,
    weight: Array | None = None,
    *,
    options: Options | None = None,
    given: Sequence[MixtureParams | Array] = (),
    columns: Sequence[str] | None = None,
    report: Report | None = None,
) -> Fit:
    """Fit a mixture of experts by maximum likelihood from several starts.

    Starts of every kind are climbed on a sketch of at most 1024 distinct rows; the ``n_init``
    highest distinct optima there are the starts on the data. Where the sketch is not all of the
    data, half of them are splits of a fit with one expert less instead.

    Parameters
    ----------
    model : MixtureOfExperts
    x : array (n, n_columns)
    y : array (n,), (n, n_responses), or as the experts read it
        Responses; see ``encode`` of the family of experts.
    weight : array (n,), optional
        Positive weights.
    options : Options
    given : sequence of parameters or of responsibilities (n, K)
        Starts of the user's, run first; they count towards ``n_init``.
    columns : sequence of str, optional
        Names of the columns of x.
    report : callable, optional
        Called after each start.
    """
    options = options or Options()
    _check_penalty(model, options)
    about_the_gate = model.gate.findings(model.n_experts) if model.n_experts > 1 else ()
    # Parameters on the user's side, in the model's own coordinates: an invariance taken out there
    # is taken out of the starts as well.
    given = [
        model.to_params(model.coefficients(start)) if isinstance(start, MixtureParams) else start
        for start in given
    ]
    model = replace(model, gate=model.gate.in_gauge())
    names = list(columns or [f"x{j}" for j in range(model.n_columns)])
    n_rows = len(x)
    some = np.unique(np.linspace(0, n_rows - 1, _COMPARED_ROWS).astype(int))
    compared = np.asarray(x)[some], np.asarray(y)[some]
    response = model.expert.encode(y)
    sketch = sketch_rows(x, response, weight, _SKETCH_ROWS, options.seed)
    # Responsibilities belong to the user's rows in the user's order.
    whole = len(sketch.rows) < _SKETCH_ROWS and not any(map(_is_responsibilities, given))
    if whole:
        # In the sketch's order and with duplicates merged, the fit is a function of the weighted
        # distribution of the rows, bit for bit.
        x, response, weight = x[sketch.rows], response[:, sketch.rows], sketch.weight
    data = Data.from_rows(
        x, response, weight,
        standardize=options.standardize, standardize_y=model.expert.standardizes,
        common_scale=model.expert.common_scale, take_y=True,
    )  # fmt: skip
    penalty = Ridge.build(model.layout, options.gate_penalty, options.expert_penalty)
    objective = Objective(model, data, penalty, options.n_threads)
    search = Search(
        objective, options.bounds.box(model.layout), solver=options.solver, tol=options.tol,
        max_iter=options.max_iter, min_share=options.min_share, schedule=options.schedule,
    )  # fmt: skip
    starts = [(_given(objective, start, search.box), 1) for start in given]
    small = data if whole else data.take(sketch.rows, sketch.weight)
    pool = Pool(Objective(model, small, penalty), options.bounds)
    _check_gate(pool.objective)
    if len(starts) < options.n_init and has_change_points(pool.objective):
        about_the_gate += (
            "one of the starts is the best cut of the column into intervals, searched exhaustively "
            "on grids of the sketch",
        )
    drawn = _drawn(objective, pool, options, options.n_init - len(starts), report)
    n_given = len(starts)
    starts += drawn.starts
    for i, (start, n_hits) in enumerate(starts):
        optimum = search.run(start, n_hits)
        if report is not None:
            report("data", i + 1, len(starts), optimum)
    cold, hot = options.bounds.temperature
    lifted = replace(
        options.bounds, gate=_LIFT * options.bounds.gate, temperature=(cold / _LIFT, hot * _LIFT)
    ).box(model.layout)
    optima = search.certified(model.layout.names(names), lifted)
    first = search.runs[n_given : n_given + len(drawn.order)]
    runs = continued(drawn.runs, drawn.order, first) + search.runs
    shared = data_findings(objective, n_rows, names) + model.expert.findings(data.y)
    shared += about_the_gate
    found = Fit(objective, optima, runs)
    told = [
        shared + fit_findings(objective, o) + exact_findings(model, found.params(o), *compared)
        for o in optima
    ]
    return replace(found, optima=[o.adding(t) for o, t in zip(optima, told, strict=True)])


def _check_penalty(model: MixtureOfExperts, options: Options) -> None:
    """A ridge would drive coefficients and temperature of a scale-free gate to zero together."""
    exponents = model.gate.in_gauge().homogeneity()
    if options.gate_penalty and exponents is not None and 0.0 in exponents:
        raise ValueError(
            f"gate_penalty={options.gate_penalty} cannot be used with the free temperature of "
            f"{model.gate!r}: only coefficients over temperature are identified; fix tau, set "
            "gate_penalty=None, or leave normalize=True"
        )


def _check_gate(objective: Objective) -> None:
    """Functions of the user's may return what no likelihood can be made of."""
    model, layout, data = objective.model, objective.layout, objective.data
    theta = np.random.default_rng(0).normal(size=layout.n_free)
    features = layout.features(data.z)
    for basis, rows in zip(layout.bases, features, strict=True):
        if not np.isfinite(rows).all():
            where = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
            label = basis.names([f"x{j}" for j in range(model.n_columns)])[where]
            raise ValueError(f"the term {label} of {model.gate!r} is not finite at some rows of X")
    predictors = layout.predictors(layout.coefficients(theta), features)[: len(layout.gate)]
    shape = (model.n_experts, data.n_rows)
    logits = model.gate.logits(predictors, np.empty(shape))
    n, k = len(layout.gate), model.n_experts
    first, second = np.empty((n, *shape)), np.empty((n * (n + 1) // 2, *shape))
    model.gate.derivatives(predictors, 2, first, second)
    if np.isnan(logits).any() or not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError(
            f"gate={model.gate!r} returned values that are not finite for ordinary coefficients of "
            f"its {k} experts; check its function and both derivatives"
        )


def _is_responsibilities(start: MixtureParams | Array) -> bool:
    return not isinstance(start, MixtureParams)


def _given(objective: Objective, start: MixtureParams | Array, box: Box) -> Start:
    """A start of the user's: parameters on the user's scale, or responsibilities."""
    model, data = objective.model, objective.data
    if isinstance(start, MixtureParams):
        coefficients = model.rescale(model.coefficients(start), data.affine.inverse())
        theta = _into_the_box(model, model.layout.vector(coefficients), box)
        return Start(theta, "given")
    return Start(from_responsibilities(objective, start, box), "given")


def _into_the_box(model: MixtureOfExperts, theta: Array, box: Box) -> Array:
    """θ in the box; a gate that is too steep keeps its boundaries, and becomes less steep."""
    gate = model.layout.entries("gate")
    exponents = model.gate.homogeneity()
    if gate.any() and exponents is not None and set(exponents) == {1.0}:
        excess = float(np.max(np.abs(theta[gate]) / box.upper[gate]))
        theta = np.where(gate, theta / max(1.0, excess), theta)
    return box.project(theta)


class _Drawn(NamedTuple):
    """Starts with how many each stands for, the climbs on the sketch, and which are continued."""

    starts: list[tuple[Start, int]]
    runs: list[Run]
    order: list[int]


def _drawn(
    objective: Objective, pool: Pool, options: Options, number: int, report: Report | None
) -> _Drawn:
    """``number`` starts, each with the number of starts that it stands for."""
    if number <= 0:
        return _Drawn([], [], [])
    rng = np.random.default_rng([options.seed, 1])
    whole = pool.objective.data is objective.data
    n_split = 0 if whole or objective.model.n_experts == 1 else number // 2
    search = Search(
        pool.objective, pool.box, tol=1e-5, max_iter=100, min_share=options.min_share,
        schedule=options.schedule, search=False,
    )  # fmt: skip
    for i, start in enumerate(draw(pool, number - n_split, rng)):
        optimum = search.run(start)
        if report is not None:
            report("sketch", i + 1, 0, optimum)
    order = search.ranking()[: number - n_split]
    ranked = [search.optima[i] for i in order]
    starts = [(Start(o.theta, o.kind), o.n_hits if whole else 1) for o in ranked]
    if n_split:
        starts += [(start, 1) for start in splits_on_data(pool, objective, n_split, rng)]
    return _Drawn(starts, search.runs, order)
