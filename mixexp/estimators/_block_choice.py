"""Which of the refitted block structures to take."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mixexp.estimation.gllim.block_path import Refit
from mixexp.selection import aic, bic, dimension_jump, icl, slope_estimation, slope_heuristics
from mixexp.selection.candidates import Candidates, UnreliableSelectionWarning

if TYPE_CHECKING:
    from pandas import DataFrame

CRITERIA = ("slope", "jump", "ddse", "bic", "aic", "icl")
_RULES = {"slope": slope_heuristics, "jump": dimension_jump, "ddse": slope_estimation}
# Both rules of the slope heuristics ask for so many models.
_FEWEST = 11


@dataclass(frozen=True)
class BlockChoice:
    """The structures, the position of the chosen one, and what led to it."""

    refits: Sequence[Refit]
    kappas: Sequence[float]
    index: int
    total_weight: float
    selection: Any = None
    findings: tuple[str, ...] = ()

    def table(self) -> DataFrame:
        """One row for each structure, the finest first."""
        from pandas import DataFrame

        n = self.total_weight
        return DataFrame([
            {
                "kappa": kappa,
                "n_blocks": tuple(len(p) for p in r.partitions),
                "largest_block": max(len(b) for p in r.partitions for b in p),
                "n_parameters": r.n_parameters,
                "joint_loglik": r.loglik,
                "aic": aic(r.loglik, r.n_parameters),
                "bic": bic(r.loglik, r.n_parameters, n),
                "icl": icl(r.loglik, r.n_parameters, n, r.entropy),
                "remaining_gain": r.remaining_gain,
                "partitions": r.partitions,
                "selected": i == self.index,
            }
            for i, (kappa, r) in enumerate(zip(self.kappas, self.refits, strict=True))
        ])  # fmt: skip


def choose(
    refits: Sequence[Refit], kappas: Sequence[float], criterion: str, total_weight: float
) -> BlockChoice:
    """Choose by slope heuristics or by a criterion on the joint likelihood.

    With too few structures for the slope heuristics, BIC decides and a finding says so.

    Warns
    -----
    UnreliableSelectionWarning
        If BIC decides in place of the slope heuristics, or these cannot be trusted.
    """
    findings: tuple[str, ...] = ()
    if criterion in _RULES and len(refits) < _FEWEST:
        findings = (
            f"criterion={criterion!r} needs at least {_FEWEST} block structures and there are "
            f"{len(refits)}: BIC chose",
        )
        warnings.warn(
            UnreliableSelectionWarning(f"{findings[0]}; criterion='bic' asks for it"), stacklevel=2
        )
        criterion = "bic"
    if criterion not in _RULES:
        values = [_value(r, criterion, total_weight) for r in refits]
        return BlockChoice(refits, kappas, int(np.argmin(values)), total_weight, None, findings)
    candidates = Candidates(
        tuple(range(len(refits))),
        np.array([r.n_parameters for r in refits], dtype=float),
        np.array([-r.loglik for r in refits]),
    )
    result: Any = _RULES[criterion](candidates)  # type: ignore[operator]
    told = tuple(getattr(result, "findings", ()))
    return BlockChoice(refits, kappas, int(result.selected), total_weight, result, findings + told)


def _value(refit: Refit, criterion: str, n: float) -> float:
    loglik, dim = refit.loglik, refit.n_parameters
    if criterion == "aic":
        return aic(loglik, dim)
    return bic(loglik, dim, n) if criterion == "bic" else icl(loglik, dim, n, refit.entropy)
