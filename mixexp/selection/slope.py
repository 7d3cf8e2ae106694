r"""Data-driven slope estimation: the rate at which superfluous parameters lower the contrast."""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from mixexp.selection.candidates import (
    Candidates,
    CannotRun,
    UnreliableSelectionWarning,
    check_factor,
    penalised,
)
from mixexp.selection.robust_line import Line, Loss, robust_line

Array = NDArray[np.float64]

FEWEST_FOR_SLOPE = 10


@dataclass(frozen=True)
class Plateau:
    """Successive regressions after which the same model is selected.

    Attributes
    ----------
    start : int
        The first of them: the regression that starts at model ``start``, counted from 0.
    length : int
        How many.
    selected : hashable
        Name of the model.
    """

    start: int
    length: int
    selected: Hashable


@dataclass(frozen=True, eq=False)
class SlopeEstimate:
    r"""Slopes of :math:`-\gamma_m` on :math:`p_m` over ever fewer, ever larger models.

    Attributes
    ----------
    candidates : Candidates
        The M models compared: of equal penalties, only the one with the smallest contrast.
    factor : float
        c, with which the slope is multiplied.
    loss : {"bisquare", "huber", "ols"}
        Of the regressions.
    kappas : array (M - 1,)
        ``kappas[p]`` is the slope over the models p, ..., M - 1.
    selected_at : tuple, of length M - 1
        Names of the models selected with each slope.
    plateaus : tuple of Plateau
        Runs of equal selections.
    chosen : int
        Position in `plateaus` of the one that counts: the last that is long enough.
    selected : hashable
        Name of its model.
    line : Line
        The regression from the middle of the plateau, of :math:`-\gamma` on p.
    kappa_hat : float
        Its slope.
    kappa : float
        ``factor * kappa_hat``, the multiple of the penalty applied.
    interval : tuple of float
        Smallest and largest slope of the plateau.
    n_points : int
        Models in the regression `line`, the largest ones.
    not_converged : int
        How many of the M regressions (`line` included) did not settle.
    findings : tuple of str
        What makes the result doubtful, in words.
    """

    candidates: Candidates
    factor: float
    loss: Loss
    kappas: Array
    selected_at: tuple[Hashable, ...]
    plateaus: tuple[Plateau, ...]
    chosen: int
    selected: Hashable
    line: Line
    kappa_hat: float
    kappa: float
    interval: tuple[float, float]
    n_points: int
    not_converged: int
    findings: tuple[str, ...]

    @property
    def plateau(self) -> Plateau:
        """The plateau that counts."""
        return self.plateaus[self.chosen]


def slope_estimation(
    candidates: Candidates,
    factor: float = 2.0,
    plateau: float = 0.15,
    min_points: int | None = None,
    loss: Loss = "bisquare",
) -> SlopeEstimate:
    r"""Select :math:`\arg\min_m\gamma_m+c\hat\kappa p_m`, :math:`\hat\kappa` a robust slope.

    For every p, :math:`\hat\kappa_p` is the slope of a robust regression of :math:`-\gamma_m` on
    :math:`p_m` over the models p, ..., M, down to two, and selects a model. The last run of equal
    selections that is long enough decides; :math:`\hat\kappa` is the slope from its middle.

    The interval runs over *every* slope of the plateau. (The R implementation of the method leaves
    out the last slope when the plateau is the last one; intervals then differ from its, nothing
    else does.)

    Parameters
    ----------
    candidates : Candidates
        At least 10 models. Of equal penalty shapes the smallest contrast is kept.
    factor : float
        c, by which the slope is multiplied.
    plateau : float
        Least share of the M - 1 slopes in a plateau that is long enough, between 0 and 1.
    min_points : int, optional
        Least number of slopes instead.
    loss : {"bisquare", "huber", "ols"}
        Of the regressions, see :func:`robust_line`.

    Returns
    -------
    SlopeEstimate

    Raises
    ------
    ValueError
        If there are fewer than 10 models, models of different complexity share a penalty shape, no
        plateau is long enough, or an option is out of range.

    Warns
    -----
    UnreliableSelectionWarning
        If a slope of the plateau is not positive: the "penalty" would reward size.

    References
    ----------
    Baudry, J.-P., Maugis, C. and Michel, B. (2012). Slope heuristics: overview and implementation.
    Statistics and Computing 22, 455-470.

    Examples
    --------
    >>> experts = np.arange(1, 16)
    >>> contrast = 1000.0 / experts**4 - 3.0 * experts + 0.3 * np.sin(experts**2)
    >>> slope = slope_estimation(Candidates.from_arrays(6 * experts - 1, contrast))
    >>> slope.selected, round(slope.kappa_hat, 2)
    (4, 0.51)
    """
    result = find_slope(candidates, factor, plateau, min_points, loss)
    if not result.interval[0] > 0:
        warnings.warn(UnreliableSelectionWarning("; ".join(result.findings)), stacklevel=2)
    return result


def find_slope(
    candidates: Candidates,
    factor: float = 2.0,
    plateau: float = 0.15,
    min_points: int | None = None,
    loss: Loss = "bisquare",
) -> SlopeEstimate:
    """What :func:`slope_estimation` returns, without a warning."""
    check_factor(factor)
    if not 0.0 <= plateau <= 1.0:
        raise ValueError(f"plateau is {plateau!r}; give a share of the slopes, between 0 and 1")
    if len(candidates) < FEWEST_FOR_SLOPE:
        raise CannotRun(
            f"candidates holds {len(candidates)} models, but slope estimation needs "
            f"{FEWEST_FOR_SLOPE} to tell a linear tail: fit larger models"
        )
    models, findings = _distinct(candidates), list(candidates.findings)
    lines = [_tail_line(models, p, loss) for p in range(len(models) - 1)]
    kappas = np.array([line.slope for line in lines])
    picks = [_first_minimum(penalised(models, kappa, factor)) for kappa in kappas]
    plateaus = _runs(models, picks)
    chosen = _long_enough(plateaus, len(kappas), plateau, min_points)
    start, length = plateaus[chosen].start, plateaus[chosen].length
    middle = start + length // 2
    on_plateau = kappas[start : start + length]
    line = _tail_line(models, middle, loss)
    not_converged = sum(not fit.converged for fit in [*lines, line])
    findings += _slope_words(on_plateau, [*lines[start : start + length], line])
    return SlopeEstimate(
        models,
        factor,
        loss,
        kappas,
        tuple(models.names[m] for m in picks),
        plateaus,
        chosen,
        plateaus[chosen].selected,
        line,
        line.slope,
        factor * line.slope,
        (float(on_plateau.min()), float(on_plateau.max())),
        len(models) - middle,
        not_converged,
        tuple(findings),
    )


def _distinct(candidates: Candidates) -> Candidates:
    """Of equal penalties the smallest contrast, which candidates list first."""
    shape = candidates.penalty_shape
    _, first = np.unique(shape, return_index=True)
    models = candidates.take(first)
    owner = np.searchsorted(first, np.arange(len(shape)), side="right") - 1
    other = np.flatnonzero(candidates.complexity != models.complexity[owner])
    if other.size:
        row = int(other[0])
        raise CannotRun(
            f"penalty_shape is {shape[row]:g} for the complexities "
            f"{models.complexity[owner[row]]:g} and {candidates.complexity[row]:g}; slope "
            "estimation needs a penalty that rises with the complexity"
        )
    if len(models) < 3:
        raise CannotRun(
            f"penalty_shape has {len(models)} different values; a line needs models of at least 3 "
            "sizes"
        )
    return models


def _tail_line(models: Candidates, start: int, loss: Loss) -> Line:
    return robust_line(models.penalty_shape[start:], -models.contrast[start:], loss)


def _first_minimum(values: Array) -> int:
    """The smallest of the models that minimise, equality being to rounding."""
    return int(np.flatnonzero(values <= values.min() + 1e-12 * np.ptp(values))[0])


def _runs(models: Candidates, picks: list[int]) -> tuple[Plateau, ...]:
    runs, start = [], 0
    for pick, group in groupby(picks):
        length = len(list(group))
        runs.append(Plateau(start, length, models.names[pick]))
        start += length
    return tuple(runs)


def _long_enough(
    plateaus: tuple[Plateau, ...], total: int, share: float, min_points: int | None
) -> int:
    needed = share * total if min_points is None else min_points
    long = [i for i, run in enumerate(plateaus) if run.length >= needed]
    if long:
        return long[-1]
    option = f"plateau={share!r}" if min_points is None else f"min_points={min_points!r}"
    raise CannotRun(
        f"{option} asks for {needed:g} successive slopes that select the same model, but the "
        f"longest run has {max(run.length for run in plateaus)} of {total}; give a smaller number, "
        "or more models"
    )


def _slope_words(kappas: Array, lines: list[Line]) -> list[str]:
    findings = []
    if not (kappas > 0).all():
        findings.append(
            f"{int((kappas <= 0).sum())} of the {kappas.size} slopes on the plateau are not "
            f"positive (the smallest is {kappas.min():.3g}): the contrast rises with the "
            "dimension, and the penalty would reward size"
        )
    unsettled = sum(not line.converged for line in lines)
    if unsettled:
        findings.append(
            f"{unsettled} of the {len(lines)} robust regressions that matter did not settle in 20 "
            "steps; compare loss='ols'"
        )
    return findings
