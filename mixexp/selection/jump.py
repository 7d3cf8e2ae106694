r"""Dimension jump: the multiple of the penalty at which the selected dimension drops."""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mixexp.selection.candidates import (
    Candidates,
    CannotRun,
    UnreliableSelectionWarning,
    check_factor,
)

Array = NDArray[np.float64]

FEWEST_FOR_JUMP = 11
# Ratios and jumps this close are equal: they differ by the rounding of the contrasts.
_EQUAL = 1e-12


@dataclass(frozen=True, eq=False)
class DimensionJump:
    r"""What minimises :math:`\gamma_m+\kappa p_m` as :math:`\kappa` grows, and where it jumps.

    Attributes
    ----------
    candidates : Candidates
        The models compared.
    factor : float
        c, with which the minimal penalty is multiplied.
    path : int array (I + 1,)
        Positions in `candidates` of the successive minimisers: the vertices of the lower convex
        hull of (penalty shape, contrast), largest model first.
    kappas : array (I + 1,)
        The model ``path[i]`` is the minimiser on ``[kappas[i], kappas[i + 1])``; the first is zero.
    jumps : array (I,)
        Drop of the complexity at ``kappas[1:]``.
    at : int or None
        Position in `kappas` of the jump that was chosen; None if there is no jump.
    kappa_hat : float
        The multiple at that jump, the minimal penalty; NaN if there is no jump.
    kappa : float
        ``factor * kappa_hat``, the multiple applied.
    selected : hashable
        Name of the minimiser at `kappa`.
    findings : tuple of str
        What makes the result doubtful, in words.
    """

    candidates: Candidates
    factor: float
    path: NDArray[np.intp]
    kappas: Array
    jumps: Array
    at: int | None
    kappa_hat: float
    kappa: float
    selected: Hashable
    findings: tuple[str, ...]

    @property
    def models(self) -> tuple[Hashable, ...]:
        """Names along the path, largest model first."""
        return tuple(self.candidates.names[i] for i in self.path)

    def model_at(self, kappa: float) -> Hashable:
        """Name of the model selected with a given multiple of the penalty."""
        return self.models[_last_at_most(self.kappas, kappa)]


def dimension_jump(
    candidates: Candidates, factor: float = 2.0, threshold: float | None = None
) -> DimensionJump:
    r"""Select :math:`\arg\min_m\gamma_m+c\hat\kappa p_m`, :math:`\hat\kappa` at the largest jump.

    The minimiser m(κ) of :math:`\gamma_m+\kappa p_m` is followed exactly through all κ: from a
    model m it changes at :math:`\kappa'=\min_g(\gamma_m-\gamma_g)/(p_g-p_m)` to the smallest model
    that attains it. :math:`\hat\kappa` is where :math:`D_{m(\kappa)}` drops most; of equal drops,
    the one at the largest κ counts (smaller models), and a finding says so.

    Parameters
    ----------
    candidates : Candidates
        At least 11. Models with equal penalty shapes are allowed.
    factor : float
        c, by which the minimal penalty is multiplied.
    threshold : float, optional
        Take instead the first κ at which the complexity is below this number.

    Returns
    -------
    DimensionJump

    Raises
    ------
    ValueError
        If there are fewer than 11 models, `factor` is not positive, or no model is below
        `threshold`.

    Warns
    -----
    UnreliableSelectionWarning
        If there is no jump, or several are the largest.

    References
    ----------
    Birgé, L. and Massart, P. (2007). Minimal penalties for Gaussian model selection. Probability
    Theory and Related Fields 138, 33-73.
    Baudry, J.-P., Maugis, C. and Michel, B. (2012). Slope heuristics: overview and implementation.
    Statistics and Computing 22, 455-470.

    Examples
    --------
    >>> experts = np.arange(1, 16)
    >>> contrast = 1000.0 / experts**4 - 3.0 * experts + 0.3 * np.sin(experts**2)
    >>> jump = dimension_jump(Candidates.from_arrays(6 * experts - 1, contrast))
    >>> jump.selected, round(jump.kappa_hat, 2)
    (4, 0.51)
    """
    result = find_jump(candidates, factor, threshold)
    if result.at is None or (_ties(result.jumps).size > 1 and threshold is None):
        warnings.warn(UnreliableSelectionWarning("; ".join(result.findings)), stacklevel=2)
    return result


def find_jump(
    candidates: Candidates, factor: float = 2.0, threshold: float | None = None
) -> DimensionJump:
    """What :func:`dimension_jump` returns, without a warning."""
    check_factor(factor)
    if len(candidates) < FEWEST_FOR_JUMP:
        raise CannotRun(
            f"candidates holds {len(candidates)} models, but the dimension jump needs "
            f"{FEWEST_FOR_JUMP} to show a jump among others: fit larger models"
        )
    path, kappas = hull_path(candidates)
    jumps = -np.diff(candidates.complexity[path])
    findings = list(candidates.findings)
    at: int | None
    if threshold is not None:
        at = _first_below(candidates.complexity[path], threshold)
    elif jumps.size:
        largest = _ties(jumps)
        at = int(largest[-1]) + 1
        if largest.size > 1:
            findings.append(
                f"{largest.size} jumps of {jumps.max():g} are the largest together; the one at the "
                "largest multiple of the penalty is taken, which selects the smallest model"
            )
    else:
        at = None
        findings.append(
            "the model with the smallest penalty has the smallest contrast too, so there is no "
            "jump: larger models do not fit better, which points to failed fits"
        )
    kappa_hat = np.nan if at is None else float(kappas[at])
    chosen = path[0] if at is None else path[_last_at_most(kappas, factor * kappa_hat)]
    return DimensionJump(
        candidates,
        factor,
        path,
        kappas,
        jumps,
        at,
        kappa_hat,
        factor * kappa_hat,
        candidates.names[chosen],
        tuple(findings),
    )


def hull_path(candidates: Candidates) -> tuple[NDArray[np.intp], Array]:
    r"""Successive minimisers of :math:`\gamma_m+\kappa p_m` and the κ at which each takes over.

    Returns
    -------
    path : int array (I + 1,)
        Positions in `candidates`.
    kappas : array (I + 1,)
        Increasing, the first is zero.

    Examples
    --------
    >>> path, kappas = hull_path(Candidates.from_arrays([1, 2, 3, 4], [9.0, 5.0, 4.0, 4.5]))
    >>> path, kappas
    (array([2, 1, 0]), array([0., 1., 4.]))
    """
    shape, contrast = candidates.penalty_shape, candidates.contrast
    path, kappas = [int(np.argmin(contrast))], [0.0]
    while True:
        m = path[-1]
        smaller = np.flatnonzero((shape < shape[m]) & (contrast > contrast[m]))
        if not smaller.size:
            return np.array(path, dtype=np.intp), np.array(kappas)
        ratio = (contrast[smaller] - contrast[m]) / (shape[m] - shape[smaller])
        # Of models on one line the smallest: candidates are sorted by shape.
        first = np.flatnonzero(ratio <= ratio.min() * (1.0 + _EQUAL))[0]
        path.append(int(smaller[first]))
        kappas.append(float(ratio[first]))


def _last_at_most(kappas: Array, kappa: float) -> int:
    return max(0, int(np.searchsorted(kappas, kappa, side="right")) - 1)


def _ties(jumps: Array) -> NDArray[np.intp]:
    """Positions of the largest jumps, several if equal to rounding."""
    if not jumps.size:
        return np.empty(0, dtype=np.intp)
    return np.flatnonzero(jumps >= jumps.max() * (1.0 - _EQUAL))


def _first_below(complexity: Array, threshold: float) -> int:
    below = np.flatnonzero(complexity < threshold)
    if not below.size:
        raise ValueError(
            f"threshold is {threshold!r}, but the smallest model on the path has complexity "
            f"{complexity.min():g}; give a larger threshold"
        )
    return int(below[0])
