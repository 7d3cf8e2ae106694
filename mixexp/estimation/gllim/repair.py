"""Experts that died or coincide on the way: brought back, or moved apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.gllim.em import JointEM
from mixexp.estimation.gllim.starts import for_experts, splits
from mixexp.models.gllim import GLLiMParams

Array = NDArray[np.float64]

# Weight, in rows, below which an expert is dead, and standardised distance at which two coincide.
_DEAD, _SAME, _APART = 1e-3, 1e-3, 0.1


def dead(em: JointEM, mass: Array) -> NDArray[np.bool_]:
    """Experts that hold no row."""
    return mass < _DEAD * em.data.total_weight / em.data.n_rows


def revived(em: JointEM, params: GLLiMParams, mass: Array) -> GLLiMParams:
    """The same fit with every dead expert replaced by the likeliest split of a living one."""
    gone = dead(em, mass)
    current = params.take([int(k) for k in np.flatnonzero(~gone)])
    for n_experts in range(current.n_experts + 1, params.n_experts + 1):
        narrow = replace(em, model=for_experts(em.model, n_experts - 1))
        wide = replace(em, model=for_experts(em.model, n_experts))
        tried = [wide.from_responsibilities(r) for _, r in splits(narrow, current)]
        current = max(tried, key=lambda p: wide.statistics(p).value)
    return current


def moved_apart(params: GLLiMParams) -> GLLiMParams | None:
    """The same fit with experts that coincide a tenth of their spread apart; None if none do.

    EM cannot tell experts that coincide from each other, and stays where they are.
    """
    spread = np.sqrt(params.noise.diagonal())
    apart = np.sqrt(params.gate_covariance.diagonal())
    rng = np.random.default_rng(0)
    table, mean = params.table.copy(), params.gate_mean.copy()
    moved = False
    for k in range(1, params.n_experts):
        near = [
            np.abs(params.gate_mean[j] - params.gate_mean[k]).max() < _SAME
            and np.abs(params.table[j] - params.table[k]).max() < _SAME
            for j in range(k)
        ]
        if any(near):
            moved = True
            table[k, :, 0] += _APART * spread[k] * rng.normal(size=table.shape[1])
            mean[k] += _APART * apart[k] * rng.normal(size=mean.shape[1])
    return replace(params, table=table, gate_mean=mean) if moved else None
