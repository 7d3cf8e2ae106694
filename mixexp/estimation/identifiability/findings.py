"""What the data and the fit cannot tell, in words a statistician understands."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.identifiability.invariances import (
    INVARIANCES,
    Law,
    Points,
    Setting,
    verify,
)
from mixexp.estimation.objective import Objective
from mixexp.models.mixture import MixtureOfExperts, MixtureParams

Array = NDArray[np.float64]

# Columns whose smallest squared singular value is below this part of the largest are collinear.
_COLLINEAR = 1e-12
_COINCIDE = 1e-6
# What a solver leaves between a fit and a point where an invariance is exact.
_SOLVED = 1e-6


class FitLike(Protocol):
    """The part of an optimum that the findings look at."""

    @property
    def theta(self) -> Array: ...

    @property
    def thin(self) -> tuple[int, ...]: ...

    @property
    def on_floor(self) -> tuple[int, ...]: ...


def data_findings(objective: Objective, n_rows: int, columns: list[str]) -> tuple[str, ...]:
    """Findings about the data alone: too few rows, constant and collinear terms.

    ``n_rows`` are the user's rows; the objective's may be fewer, with duplicates merged.
    """
    data, layout = objective.data, objective.layout
    found = []
    if n_rows < layout.n_free:
        found.append(f"{n_rows} rows for {layout.n_free} parameters: the fit interpolates")
    elif data.n_rows < layout.n_free:
        found.append(f"only {data.n_rows} distinct rows for {layout.n_free} parameters")
    single = getattr(objective.model.expert, "n_responses", 1) == 1
    of_z, of_y = data.spread
    if single and of_y[0] == 0.0:
        found.append("the response is constant")
    names = columns or [f"x{j}" for j in range(len(of_z))]
    constant = {int(j) for j in np.flatnonzero(of_z == 0.0)}
    if constant:
        listed = ", ".join(names[j] for j in sorted(constant))
        found.append("constant columns, whose slopes are not identified: " + listed)
    # The coordinates of the classes of one response share a feature map: one of them speaks.
    for c in {(c.box, c.basis): c for c in reversed(layout.coordinates)}.values():
        varying = sum(not constant.intersection(term) for term in c.basis.terms)
        if c.basis.n_terms > 1 and _rank(objective, c.basis) < varying:
            found.append(
                f"collinear terms in the {c.name}: only sums of their coefficients are identified"
            )
    if _beyond_the_origin(objective):
        found.append(
            "the gate's only boundary, at zero, lies outside the data: the same experts are active "
            "in every row; centre the column or use select='logit'"
        )
    return tuple(found)


def _beyond_the_origin(objective: Objective) -> bool:
    """Whether a top-K gate that selects by one score without bias sees one sign of it only."""
    pieces = objective.model.gate.pieces(objective.model.n_experts)
    if pieces is None or not pieces.jumps:
        return False
    basis = objective.layout.coordinates[pieces.coordinate].basis
    if basis.constant or basis.n_terms != 1:
        return False
    ends = [
        (values.min(), values.max())
        for part in objective.data.parts()
        for values in [basis.expand(part.z, np.empty((1, part.n_rows)))]
    ]
    return min(low for low, _ in ends) > 0.0 or max(high for _, high in ends) < 0.0


def _rank(objective: Objective, basis) -> int:  # type: ignore[no-untyped-def]
    gram = objective.gram(basis)
    scale = np.sqrt(np.diag(gram))
    scale[scale == 0.0] = 1.0
    values = np.linalg.eigvalsh(gram / np.outer(scale, scale))
    return int(np.sum(values > _COLLINEAR * values[-1]))


def fit_findings(objective: Objective, optimum: FitLike) -> tuple[str, ...]:
    """Findings about one optimum: coinciding and thin experts, scales on their floor."""
    found = []
    layout = objective.layout
    tables = layout.coefficients(optimum.theta)[len(layout.gate) :]
    wide = [np.broadcast_to(t, (layout.n_experts, t.shape[1])) for t in tables]
    atoms = np.concatenate(wide, axis=1)
    for i in range(layout.n_experts):
        for j in range(i):
            if np.abs(atoms[i] - atoms[j]).max() <= _COINCIDE * (1.0 + np.abs(atoms[i]).max()):
                found.append(
                    f"experts {j} and {i} coincide: fewer experts fit as well, and how the two "
                    "share their weight is not identified"
                )
    if optimum.thin:
        found.append(f"thin experts (small share of the weight): {_listed(optimum.thin)}")
    if optimum.on_floor:
        found.append(
            f"experts with their scale on its floor: {_listed(optimum.on_floor)}; they fit their "
            "rows exactly and the likelihood is bounded by the floor alone"
        )
    return tuple(found)


def exact_findings(
    model: MixtureOfExperts, params: MixtureParams, x: Array, y: Array
) -> tuple[str, ...]:
    """Exact invariances at a fit that neither the gate nor :func:`fit_findings` has told of.

    Other parameters are made and compared with the fit's on the rows x (n, n_columns), y, the fit
    being taken as one with the true number of experts.
    """
    if model.n_experts == 1:
        return ()
    setting, points = Setting(Law(model, params), x, model.n_experts), Points(x, y)
    untold = [i for i in INVARIANCES if i.severity == "not identified" and not i.said_by_fit]
    return tuple(
        f"the density is the same to {_SOLVED:.0e} where {found.claim.detail}. "
        f"{found.invariance.statement}"
        for invariance in untold
        for found in verify(invariance, setting, points, grid=False, tolerance=_SOLVED)
    )


def _listed(experts: tuple[int, ...]) -> str:
    return ", ".join("all" if k < 0 else str(k) for k in experts)
