"""Marginal effects: how the mean, or a probability, changes with a variable."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.assembly import Assembly
from mixexp.inference.covariance import Covariance
from mixexp.inference.covariates import Contrast, Covariates
from mixexp.inference.effects_table import MarginalEffects, effects_table
from mixexp.inference.fitted import Fitted
from mixexp.inference.functions import labels_of, mean_of, outcomes, reasons
from mixexp.inference.gradients import Gradients, Local, blocks

Array = NDArray[np.float64]

_AT = ("average", "mean", "rows")
_JUMPS = (
    "the gate switches experts on and off, and the law jumps where it does: effects of numbers are "
    "derivatives between the jumps, with the active experts of each row held; what the jumps add "
    "is not in them"
)


class _Target(NamedTuple):
    """The functions whose effects are asked for: what they are called, and how they are made."""

    labels: dict[str, Sequence[Any]]
    functions: Callable[[Gradients], Local]


def marginal_effects(
    fitted: Fitted,
    covariance: Covariance,
    estimator: Any,
    X: Any = None,
    *,
    of: str | None = None,
    at: str = "average",
    variables: Sequence[str] | str | None = None,
    known: Any = None,
    level: float = 0.95,
) -> MarginalEffects:
    r"""Effects :math:`\partial f(x)/\partial x_j` on the mean or on probabilities, standard errors.

    f is :math:`E(y\mid x)`, or each class probability or gate probability. A variable with the
    values 0 and 1, or a category, has the change of f between its values in place of a derivative.
    ``at="average"`` is the weighted mean over the rows, :math:`\sum_iw_i\,\partial f(x_i)/\partial
    x_j/\sum_iw_i`. Standard errors are those of the estimates at the given x; that x is itself a
    sample is not in them.

    Parameters
    ----------
    fitted : Fitted
    covariance : Covariance
    estimator
        The fitted estimator, which reads X.
    X : optional
        Rows to average over, with equal weights; by default those of the fit with their weights.
    of : {"mean", "proba", "gate"}, optional
        The mean, class probabilities, or gate probabilities. By default class probabilities of a
        classifier, the mean otherwise.
    at : {"average", "mean", "rows"}
        The average of the effects, the effect at the average x (categories at the most frequent
        one), or the effect at each row.
    variables : str or list of str, optional
        All by default. Of a formula, the columns of the data.
    known : float or array, optional
        Exposures or trials; by default those of the formula's column, or ones: effects are then per
        unit of exposure, and on proportions.
    level : float

    Returns
    -------
    MarginalEffects

    Raises
    ------
    ValueError
        If ``of``, ``at`` or a variable does not exist, or the fit has no such function.
    """
    if at not in _AT:
        raise ValueError(f"at={at!r} is not one of {', '.join(map(repr, _AT))}")
    target = _target(fitted, estimator, of)
    rows = Covariates.of(fitted, estimator, X)
    chosen = rows.check(variables)
    if not chosen:
        raise ValueError("the fit has no variables, so nothing has an effect; use mean(X)")
    of_rows = estimator._row_known(estimator._known(rows.source, known), len(rows.frame))
    if at == "mean":
        of_rows = None if of_rows is None else np.atleast_1d(rows.weights @ of_rows)
        rows = rows.at_means()
    evaluation = _Evaluation(fitted, covariance, target, of_rows)
    names, found = [], []
    for contrast in (c for variable in chosen for c in rows.contrasts(variable)):
        if at == "rows":
            found.append(evaluation.by_row(contrast))
        else:
            found.append(evaluation.average(contrast, rows.weights))
        names.append(contrast.name)
    labels: dict[str, Sequence[Any]] = {"variable": names}
    if at == "rows":
        labels["row"] = labels_of(rows.frame, len(rows.frame))
    table = effects_table({**labels, **target.labels}, found, level, partial(reasons, covariance))
    pieces = fitted.model.gate.pieces(fitted.model.n_experts)
    caveats = (_JUMPS,) if pieces is not None and pieces.jumps else ()
    return MarginalEffects(table, _described(target.labels, of), at, level, caveats)


def _target(fitted: Fitted, estimator: Any, of: str | None) -> _Target:
    classes = getattr(estimator, "classes_", None)
    kind = ("mean" if classes is None else "proba") if of is None else of
    if kind == "gate":
        return _Target({"expert": range(fitted.model.n_experts)}, Gradients.gate_proba)
    if kind not in ("mean", "proba"):
        raise ValueError(f"of={of!r} is not one of 'mean', 'proba', 'gate'")
    if (kind == "proba") != (classes is not None):
        said = "has classes, whose labels have no mean" if kind == "mean" else "has no classes"
        remedy = "proba" if kind == "mean" else "mean"
        raise ValueError(f"of={of!r}: {type(estimator).__name__} {said}; use of={remedy!r}")
    labels = outcomes(fitted, classes)
    return _Target(labels, mean_of(labels))


def _described(labels: dict[str, Sequence[Any]], of: str | None) -> str:
    if "class" in labels:
        return "class probabilities"
    return "gate probabilities" if of == "gate" else "E[y|x]"


def _scaled(fitted: Fitted, x: Array) -> Array:
    """Rows x (n, n_columns) on the solver's scale, (n_columns, n)."""
    affine = fitted.objective.data.affine
    return np.ascontiguousarray(((x - affine.x_center) / affine.x_scale).T)


@dataclass(frozen=True)
class _Evaluation:
    """Contrasts of the functions of a fit, with standard errors."""

    fitted: Fitted
    covariance: Covariance
    target: _Target
    known: Array | None

    def average(self, contrast: Contrast, weight: Array) -> tuple[Array, Array]:
        """Weighted sum over the rows, (m,), and its standard error."""
        m = _count(self.target.labels)
        value, gradient = np.zeros(m), np.zeros((m, self.fitted.n_free))
        for some, terms in self._blocks(contrast, m):
            for at, local, c in terms:
                part = at.sums(local, weight[some] * c)
                value += part[0]
                gradient += part[1]
        return value, self.covariance.standard_error(gradient)

    def by_row(self, contrast: Contrast) -> tuple[Array, Array]:
        """The contrast at every row, (n m,), the functions of a row together; standard errors."""
        m = _count(self.target.labels)
        values, errors = [], []
        for some, terms in self._blocks(contrast, m):
            n = some.stop - some.start
            value, gradient = np.zeros((m, n)), np.zeros((m, n, self.fitted.n_free))
            for at, local, c in terms:
                value += local.value * c
                gradient += at.rows(local) * c[:, None]
            error = self.covariance.standard_error(gradient.reshape(m * n, -1))
            values.append(value.T.ravel())
            errors.append(error.reshape(m, n).T.ravel())
        return np.concatenate(values), np.concatenate(errors)

    def _blocks(
        self, contrast: Contrast, m: int
    ) -> Iterator[tuple[slice, Iterator[tuple[Gradients, Local, Array]]]]:
        """Blocks of rows, and the terms of the contrast at each of them."""
        model, theta = self.fitted.model, self.fitted.theta
        assembly = Assembly(model.layout)

        def terms(some: slice) -> Iterator[tuple[Gradients, Local, Array]]:
            known = None if self.known is None else self.known[some]

            def at(x: Array, active: NDArray[np.bool_] | None = None) -> tuple[Gradients, Local]:
                z = _scaled(self.fitted, x[some])
                found = Gradients(model, theta, z, known, active, assembly)
                return found, self.target.functions(found)

            if contrast.own is None:
                yield from ((*at(x), c[some]) for x, c in contrast.terms)
                return
            # Against the rows themselves, what does not depend on the variable is exactly zero.
            own = at(contrast.own)
            for x, c in contrast.terms:
                yield *at(x, own[0].active), c[some]
                yield *own, -c[some]

        for some in blocks(model, len(contrast.terms[0][1]), m):
            yield some, terms(some)


def _count(labels: dict[str, Sequence[Any]]) -> int:
    return int(np.prod([len(names) for names in labels.values()]))
