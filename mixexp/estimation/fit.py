"""A whole fit: rows on the solver's scale, starts on a sketch, optima on all rows, certificates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation import known
from mixexp.estimation.blocks import single_threaded_blas
from mixexp.estimation.candidates import Pool
from mixexp.estimation.drawing import Drawing, Drawn, Report, given_starts
from mixexp.estimation.identifiability import data_findings, exact_findings, fit_findings
from mixexp.estimation.known import Known, Watch
from mixexp.estimation.objective import Objective
from mixexp.estimation.options import Options
from mixexp.estimation.penalty import Ridge
from mixexp.estimation.solvers.multistart import Optimum
from mixexp.estimation.solvers.runs import Run, continued
from mixexp.estimation.streams import Source
from mixexp.estimation.streams.reading import Code
from mixexp.models.mixture import MixtureOfExperts, MixtureParams

__all__ = ["Fit", "Options", "Report", "Watch", "fit"]

Array = NDArray[np.float64]

# How far the gate's bound is lifted to look for separation beyond it.
_LIFT = 100.0


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
    x: Array | Source,
    y: Array | None = None,
    weight: Array | None = None,
    *,
    options: Options | None = None,
    given: Sequence[MixtureParams | Array] = (),
    columns: Sequence[str] | None = None,
    report: Report | None = None,
    code: Code | None = None,
    watch: Watch | None = None,
) -> Fit:
    """Fit a mixture of experts by maximum likelihood from several starts.

    Starts of every kind are climbed on a sketch of at most 1024 distinct rows; the ``n_init``
    highest distinct optima there are the starts on the data. Where the sketch is not all of the
    data, half of them are splits of a fit with one expert less instead.

    Rows of a source are never all in memory. Their starts are climbed on a sample of
    ``sample_rows`` distinct rows as they would be on the data, and at most three of the distinct
    optima there, those that can be the highest, on all rows, without EM steps before.

    Parameters
    ----------
    model : MixtureOfExperts
    x : array (n, n_columns) or Source
        A source has responses and weights with it.
    y : array (n,), (n, n_responses), or as the experts read it
        Responses; see ``encode`` of the family of experts.
    weight : array (n,), optional
        Positive weights.
    options : Options
    given : sequence of parameters or of responsibilities (n, K)
        Starts of the user's, run first and on all rows; they count towards ``n_init``.
    columns : sequence of str, optional
        Names of the columns of x.
    report : callable, optional
        Called after each start.
    code : callable, optional
        Makes numbers, as the experts read them, of the responses of a source.
    watch : Watch, optional
        Hears of every reading of a source.

    Raises
    ------
    ValueError
        If rows of a source cannot be used, or responsibilities are given for one.
    """
    options = options or Options()
    _check_penalty(model, options)
    about_the_gate = model.gate.findings(model.n_experts) if model.n_experts > 1 else ()
    model, starts = _in_gauge(model, given)
    if columns is None:
        columns = x.columns if isinstance(x, Source) else None
    names = list(columns or [f"x{j}" for j in range(model.n_columns)])
    if isinstance(x, Source):
        _check_given(starts)
        rows = known.of_source(model, x, options, columns=names, code=code, watch=watch)
    else:
        assert y is not None
        # Responsibilities belong to the user's rows in the user's order.
        in_order = any(map(_is_responsibilities, starts))
        rows = known.of_arrays(model, x, y, weight, options, in_order=in_order)
    found, drawn = _search(model, rows, options, starts, names, report)
    shared = data_findings(found.objective, rows.n_rows, names) + rows.about_the_responses
    shared += about_the_gate + drawn.told
    told = [
        shared
        + fit_findings(found.objective, o)
        + exact_findings(model, found.params(o), *rows.compared)
        for o in found.optima
    ]
    return replace(found, optima=[o.adding(t) for o, t in zip(found.optima, told, strict=True)])


def _search(
    model: MixtureOfExperts,
    rows: Known,
    options: Options,
    given: list[MixtureParams | Array],
    names: list[str],
    report: Report | None,
) -> tuple[Fit, Drawn]:
    """Certified optima from the user's starts and from those that are drawn."""
    penalty = Ridge.build(model.layout, options.gate_penalty, options.expert_penalty)
    objective = Objective(model, rows.data, penalty, options.n_threads)
    whole = rows.sketch is rows.data
    pool = Pool(objective if whole else Objective(model, rows.sketch, penalty), options.bounds)
    _check_gate(pool.objective)
    drawing = Drawing(pool, options, report)
    search = drawing.search(objective)
    starts = list(given_starts(objective, given, search.box))
    number = options.n_init - len(starts)
    if rows.sample is None:
        drawn = drawing.on_sketch(objective, number)
    else:
        sampled = Objective(model, rows.sample, penalty, options.n_threads)
        drawn = drawing.on_sample(sampled, number)
    n_given, total = len(starts), len(starts) + len(drawn.starts)
    drawing.climb(search, starts, "data", total=total)
    if rows.sample is not None:
        # What the sample's rows could tell about the way, they have told.
        search.climber = replace(search.climber, n_em=0, schedule=None)
    drawing.climb(search, drawn.starts, "data", total=total, before=n_given)
    search.n_starts += drawn.n_ended
    cold, hot = options.bounds.temperature
    lifted = replace(
        options.bounds, gate=_LIFT * options.bounds.gate, temperature=(cold / _LIFT, hot * _LIFT)
    ).box(model.layout)
    # Where each reading is dear, the optima below the answer go without a certificate.
    dear = rows.sample is not None
    optima = search.certified(model.layout.names(names), lifted, until_one_holds=dear)
    first = search.runs[n_given : n_given + len(drawn.order)]
    runs = continued(drawn.runs, drawn.order, first) + search.runs
    return Fit(objective, optima, runs), drawn


def _in_gauge(
    model: MixtureOfExperts, given: Sequence[MixtureParams | Array]
) -> tuple[MixtureOfExperts, list[MixtureParams | Array]]:
    """The model without the invariance that its gate takes out, and starts in its coordinates."""
    # Parameters on the user's side, in the model's own coordinates: an invariance taken out there
    # is taken out of the starts as well.
    starts = [
        model.to_params(model.coefficients(start)) if isinstance(start, MixtureParams) else start
        for start in given
    ]
    return replace(model, gate=model.gate.in_gauge()), starts


def _check_given(given: list[MixtureParams | Array]) -> None:
    if any(map(_is_responsibilities, given)):
        raise ValueError(
            "init holds responsibilities, one row for each row of the data, which a source has too "
            "many of; give parameters (of a fit to some of the rows, say) or leave init out"
        )


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
    model, layout, data = objective.model, objective.layout, objective.in_memory
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
