"""Parameters whose standard errors would be false, each with the reason in words."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.pieces import pieces_of
from mixexp.inference.covariance import Covariance
from mixexp.inference.fitted import Fitted
from mixexp.inference.overspecification import Overspecification

SEPARATES = (
    "the gate separates: the likelihood rises towards infinite coefficients, so read the gate as a "
    "step (gate_penalty= gives finite ones)"
)


class Withheld(NamedTuple):
    """Reasons, "" where nothing is withheld, and which of them hold for combinations as well.

    A combination of parameters that are not determined one by one may be; one of parameters on a
    bound, or of experts that may not exist, has no normal law either.
    """

    reasons: list[str]
    firm: NDArray[np.bool_]

    @property
    def entries(self) -> NDArray[np.bool_]:
        """Which parameters have a reason, (P,)."""
        return np.array([bool(reason) for reason in self.reasons])


def withheld(fitted: Fitted, covariance: Covariance, over: Overspecification) -> Withheld:
    """What is withheld of a fit, parameter by parameter.

    Parameters
    ----------
    fitted : Fitted
    covariance : Covariance
        Decides which parameters the data determine.
    over : Overspecification
        Names the experts that one expert could stand in for.
    """
    n = fitted.n_free
    if covariance.failure:
        return Withheld([covariance.failure] * n, np.zeros(n, dtype=bool))
    reasons = [""] * n
    for mask, text in _firm(fitted, over):
        _fill(reasons, mask, text)
    firm = Withheld(reasons, np.empty(0, dtype=bool)).entries
    unknown = ~covariance.estimable(fitted.jacobian)
    for mask, text in _causes(fitted):
        _fill(reasons, unknown & mask, text)
    names = [name for name, flat in zip(fitted.names, unknown, strict=True) if flat]
    _fill(reasons, unknown, _null_words(names, covariance.kind))
    return Withheld(reasons, firm)


def _fill(reasons: list[str], mask: NDArray[np.bool_], text: str) -> None:
    for j in np.flatnonzero(mask):
        reasons[j] = reasons[j] or text


def _firm(fitted: Fitted, over: Overspecification) -> list[tuple[NDArray[np.bool_], str]]:
    """What is withheld whatever the information says."""
    layout, box, certificate = fitted.model.layout, fitted.box, fitted.certificate
    assert certificate is not None
    gate = np.arange(layout.n_free) < layout.n_gate
    names = np.array(fitted.names)
    held = np.isin(names, certificate.active_bounds)
    found = [(box.known, "its value was given by equal bounds, not estimated")]
    if certificate.separation.found:
        rows = np.unique(layout.expert_of[held & gate])
        found.append((gate & np.isin(layout.expert_of, rows), SEPARATES))
    for k in certificate.separated_experts:
        mine = ~gate & (layout.expert_of == k)
        if np.any(held & mine):
            found.append((mine, _separates_in(k)))
    found.append(
        (held, "the estimate lies on a bound of the parameter space; widen it with bounds=")
    )
    pieces = pieces_of(fitted.objective)
    if pieces is not None and pieces.jumps:
        found.append(
            (
                gate,
                "the likelihood jumps where rows change their active experts, so the estimate has "
                "no normal limit law; bootstrap() shows how it varies",
            )
        )
    if over.found:
        found.append((over.entries(layout), over.message))
    return found


def _causes(fitted: Fitted) -> list[tuple[NDArray[np.bool_], str]]:
    """Known causes of directions without information."""
    layout, certificate = fitted.model.layout, fitted.certificate
    assert certificate is not None
    gate = np.arange(layout.n_free) < layout.n_gate
    causes = []
    if certificate.separation.found:
        causes.append((gate, SEPARATES))
    for k in certificate.separated_experts:
        causes.append((~gate & (layout.expert_of == k), _separates_in(k)))
    return causes


def _separates_in(expert: int) -> str:
    return (
        f"the responses separate in expert {expert}: the likelihood rises towards infinite "
        "coefficients (expert_penalty= gives finite ones)"
    )


def _null_words(names: list[str], kind: str) -> str:
    listed = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    by = "the outer products of the scores say" if kind == "opg" else "the likelihood says"
    return (
        f"not identified: {by} nothing about some combination of {listed}; functions that do not "
        "change along it have standard errors"
    )
