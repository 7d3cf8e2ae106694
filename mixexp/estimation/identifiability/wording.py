"""The findings of a diagnosis in words."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.identifiability.diagnosis import Finding
from mixexp.estimation.identifiability.independence import Independence
from mixexp.estimation.identifiability.information import Information
from mixexp.estimation.identifiability.invariances import TOLERANCE, Verified
from mixexp.models.coordinates import Sharing
from mixexp.models.mixture import MixtureOfExperts, MixtureParams

Array = NDArray[np.float64]

WEAK = 1e8
"""Condition number of the scaled information from which identification is called weak."""


CLEAR = 1e3
"""Ratio of neighbouring singular values that parts those that are zero from a continuous decay."""

# Part of a null direction, of length one, that moves something.
_MOVES = 1e-6


def of_the_rank(
    information: Information, model: MixtureOfExperts, params: MixtureParams, x: Array
) -> list[Finding]:
    """Directions without information, and with next to none; x are rows of the design."""
    evidence = {
        "singular_values": information.singular_values,
        "scaled": information.scaled,
        "rank": information.rank,
        "null": information.null,
        "gap": information.gap,
    }
    found = []
    if information.n_null:
        lost = _lost(information, model, x)
        evidence["lost"] = lost
        text, severity = _of_null(information, model, params, lost)
        found.append(Finding("rank", text, evidence, "Rothenberg (1971)", severity))
    if information.rank and information.condition > WEAK:
        weakest = information.weakest
        text = (
            f"the information of the scaled parameters has condition number "
            f"{information.condition:.1e}: along {information.describe(weakest)} the data say next "
            "to nothing, so standard errors there are huge; fit fewer experts or widen the design"
        )
        evidence = {**evidence, "condition": information.condition, "direction": weakest}
        found.append(Finding("weak", text, evidence, "Rothenberg (1971)", "weak"))
    return found


def _of_null(
    information: Information, model: MixtureOfExperts, params: MixtureParams, lost: int
) -> tuple[str, str]:
    """Null directions in words, and how grave they are."""
    n = information.n_null
    text = (
        f"to rounding, on this design, the expected information has rank {information.rank} for "
        f"{len(information.names)} parameters: "
    )
    moving = ", ".join(information.participants())
    if n == 1:
        moving += f" ({information.describe(information.null[:, 0])})"
    if information.gap < CLEAR and not information.n_silent:
        first, second = information.scaled[information.rank - 1 : information.rank + 1]
        text += (
            "the scaled singular values go down without a gap, the last that counts being "
            f"{first:.1e} and the next {second:.1e}: {n} direction(s) cannot be told from "
            f"rounding, moving {moving}; this is weak information, and no proof that there is "
            "none. Fit fewer experts or widen the design"
        )
        return text, "weak"
    if lost < n:
        text += (
            f"{n - lost} direction(s) have no information inside the regions of the gate, moving "
            f"{moving}; boundaries are seen through jumps only, which tell more than a smooth "
            "likelihood does, and this rank says nothing of them"
        )
        if lost:
            text += f". {lost} other direction(s) are without information"
        return text, "not identified" if lost else "note"
    text += f"{n} direction(s) are without information, moving {moving}"
    theta = model.layout.vector(model.coefficients(params))
    if exact := model.invariant_directions(theta).shape[1]:
        text += f"; {exact} of them is the scale of the gate"
    return text, "not identified"


def _lost(information: Information, model: MixtureOfExperts, x: Array) -> int:
    """Number of null directions that no jump of the likelihood makes up for.

    Those that move experts, and those that move nothing at any row, such as differences of gate
    slopes of collinear columns.
    """
    pieces, layout = model.gate.pieces(model.n_experts), model.layout
    if pieces is None or not pieces.jumps:
        return information.n_null
    features = layout.features(np.ascontiguousarray(x.T))
    units = [np.sqrt(np.mean(phi**2, axis=1)) for phi in features]
    units = [np.where(unit > 0.0, unit, 1.0) for unit in units]
    # Coefficients in units of their features, which a change of the unit of x leaves alone.
    size = np.concatenate([
        np.tile(units[basis], rows)
        for basis, (rows, _) in zip(layout.basis_of, layout.shapes, strict=True)
    ])  # fmt: skip
    null, _ = np.linalg.qr(information.null * size[:, None])
    _, moved, turned = np.linalg.svd(null[layout.n_gate :])
    of_experts = int(np.sum(moved > _MOVES))
    of_gate = (null @ turned[of_experts:].T).T
    if not len(of_gate):
        return of_experts
    features = [phi / unit[:, None] for phi, unit in zip(features, units, strict=True)]
    moves = [
        np.concatenate([u.ravel() for u in layout.predictors(layout.coefficients(v), features)])
        for v in of_gate
    ]
    seen = np.linalg.svd(np.column_stack(moves), compute_uv=False) / np.sqrt(len(x))
    return of_experts + int(np.sum(seen <= _MOVES))


def of_invariances(verified: list[Verified], gauge: MixtureOfExperts) -> list[Finding]:
    """One finding for each invariance, over all experts it holds for."""
    found = []
    for key in dict.fromkeys(v.invariance.key for v in verified):
        same = [v for v in verified if v.invariance.key == key]
        one, worst = same[0].invariance, max(v.difference for v in same)
        details = "; ".join(v.claim.detail for v in same if v.claim.detail)
        severity, taken_out = one.severity, ""
        free = any(c.sharing is Sharing.SHARED for c in gauge.layout.gate)
        if one.key == "scale" and not free:
            severity, taken_out = "note", " Fits take it out: they report coefficients at τ = 1."
        text = (
            f"{one.statement}{taken_out} Found: {details} (other parameters were made and the "
            f"densities differ by {worst:.1e}, which is rounding). Remedy: {one.remedy}."
        )
        evidence: dict[str, Any] = {
            "difference": worst,
            "tolerance": TOLERANCE,
            "claims": len(same),
        }
        for v in same:
            evidence |= v.claim.evidence
        found.append(Finding(key, text, evidence, one.reference, severity))
    return found


def of_sparsity(model: MixtureOfExperts, k_true: int) -> list[Finding]:
    """Whether copies of true experts can be active in equal numbers, in a top-K fit.

    Exactly K̄ fitted experts are active at every x. If all sets of K true experts are active
    somewhere, each set must be held by K̄ fitted ones, so every true expert by the same number m:
    k = m k_true and K̄ = m K.
    """
    k, pieces = model.n_experts, model.gate.pieces(model.n_experts)
    if pieces is None or not pieces.jumps or k == k_true or k_true == 1:
        return []
    m, left = divmod(k, k_true)
    if not left and pieces.n_active % m == 0:
        return []
    text = (
        f"{k} experts of which {pieces.n_active} are active cannot be a truth with {k_true} "
        "experts of which every set of K is active somewhere: each true expert would need the "
        f"same number m of fitted ones, k = m k_true and {pieces.n_active} = m K. Fits of such a "
        "truth do not converge to it; truths with fewer regions may still be held. Remedy: fit "
        f"{k_true} experts, or multiples of {k_true} and of the true number of active experts"
    )
    source = (
        "derived here, sharpening the condition on the number of active experts in Nguyen, "
        "Akbarian, Yan & Ho (2024), arXiv 2309.13850"
    )
    evidence = {"n_experts": k, "k_true": k_true, "n_active": pieces.n_active}
    return [Finding("active-experts", text, evidence, source, "note")]


_MEANING = {
    "interaction": "the features of the gate and of the experts are linearly dependent up to "
    "order two, so derivatives with respect to gate and experts interact, which can slow the rates "
    "of fits with more experts than the truth has; bounded maps, as in Transformed(), keep the two "
    "apart, but do not identify what is not identified above",
    "first-order": "the gate's first-order independence fails, so its slopes and temperature are "
    "not separately identified through this expert; this is exact where logits scale with their "
    "coefficients, and else a sign of slopes too small, or too large, for the activation to bend",
    "second-order": "the gate's second-order independence fails, on which the rates of "
    "over-specified fits rest: exactly, or to rounding because the activation hardly bends here",
}


def of_families(families: tuple[Independence, ...]) -> list[Finding]:
    found = []
    for key, meaning in _MEANING.items():
        failed = [i for i in families if i.key == key and not i.holds]
        if failed:
            text = f"{meaning}. " + "; ".join(map(str, failed))
            evidence = {i.family: i.singular_values for i in failed}
            found.append(Finding(key, text, evidence, failed[0].source, "note"))
    return found
