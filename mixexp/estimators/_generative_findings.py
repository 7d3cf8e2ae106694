"""What a user of a joint fit should know beside its certificate, in words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mixexp.estimation.gllim.fit import JointFit, JointOptimum


def findings(fitted: JointFit, optimum: JointOptimum) -> tuple[str, ...]:
    """Sentences about the data, the model and the optimum."""
    return tuple(_about_the_data(fitted)) + tuple(_about_the_optimum(fitted, optimum))


def _about_the_data(fitted: JointFit) -> Iterator[str]:
    model, data, n = fitted.model, fitted.data, fitted.n_rows
    for side, rows in (("gate's variable", data.u), ("experts' variable", data.v)):
        constant = np.flatnonzero(np.ptp(rows, axis=1) == 0.0)
        if len(constant):
            yield (
                f"{len(constant)} coordinate(s) of the {side} are constant (first: "
                f"{constant[0]}): their variance lies on its floor"
            )
        if 1 < len(rows) <= 500 and len(np.unique(rows, axis=0)) < len(rows):
            yield f"the {side} has duplicated coordinates: a full covariance of them is singular"
    if model.n_parameters > n:
        yield (
            f"the model has {model.n_parameters} parameters for {n} rows: what it says about "
            "single parameters rests on the floor of the variances and on the choice of starts"
        )
    largest = max(len(b) for blocks in model.structure.blocks(model.n_outputs, model.n_experts)
                  for b in blocks)  # fmt: skip
    if not model.structure.isotropic and largest >= n / model.n_experts:
        yield (
            f"covariances of {largest} coordinates are estimated from about "
            f"{n / model.n_experts:.0f} rows an expert and are singular up to the floor; use "
            "Diagonal(), Isotropic(), BlockDiagonal(...) or n_latent="
        )


def _about_the_optimum(fitted: JointFit, optimum: JointOptimum) -> Iterator[str]:
    if optimum.thin:
        yield f"experts {list(optimum.thin)} rest on few rows (shares in optima_)"
    if optimum.on_floor:
        yield (
            f"experts {list(optimum.on_floor)} have a direction whose variance lies on its floor: "
            "the likelihood rises as it shrinks, and says nothing about the experts' fit"
        )
    better = [
        o
        for o in fitted.optima
        if o is not optimum and o.value > optimum.value and not o.admissible
    ]
    if better and optimum.admissible:
        yield (
            f"{len(better)} optima with a higher likelihood were set aside, because they have thin "
            "experts or variances on the floor (see optima_)"
        )
