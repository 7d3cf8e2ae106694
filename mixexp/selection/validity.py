r"""Checks that say whether slope heuristics may be believed, each in words.

The heuristics assume that the largest models have no bias left, so that their contrasts fall along
a straight line. What can be seen of that in a table is checked here. What cannot: a collection that
ends before the bias is gone may look perfect, because bias can fall along a straight line too.

The limits below are conventions, not theorems. Tables of 20 models were simulated with a bias that
vanishes from the second model on and increments of half a chi-square with 6 degrees of freedom for
every 6 parameters: 26 % of such clean tables fail some check, because the rules themselves are
unsteady there (without a failure the right model was selected in 95 %, with one in 73 %). Of 300
collections that end while the bias still falls along a straight line, none failed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mixexp.selection.candidates import Candidates
from mixexp.selection.jump import DimensionJump
from mixexp.selection.slope import SlopeEstimate
from mixexp.selection.tail import curvature

# Jumps at multiples within this ratio of each other are one transition.
_WINDOW = 1.2
# A transition dominates if it is this many times the largest jump elsewhere.
_DOMINANCE = 2.0
# A tail is bent if its slope changes by this share, and noise would do so this rarely.
_CHANGE, _LEVEL = 0.25, 0.01
_FEWEST_POINTS, _SPAN = 5, 0.25
# Share of what the larger half of the models gains that one fit may fall behind a smaller model.
_RISE = 0.5


@dataclass(frozen=True)
class Check:
    """One condition of a heuristic, and whether it holds.

    Attributes
    ----------
    name : str
        Short name, such as ``"linear tail"``.
    ok : bool
    sentence : str
        What was found, and what to do if it does not hold.
    """

    name: str
    ok: bool
    sentence: str

    def __str__(self) -> str:
        return f"[{'ok' if self.ok else 'NOT OK'}] {self.name}: {self.sentence}"


def check_positive_slope(slope: SlopeEstimate) -> Check:
    """Whether every slope of the plateau, and the one applied, is positive."""
    low, high = slope.interval
    ok = bool(low > 0 and slope.kappa_hat > 0)
    words = f"slopes on the plateau run from {low:.4g} to {high:.4g}"
    if not ok:
        words += (
            "; where they are not positive, larger models fit no better and the penalty rewards "
            "size: the larger models need more starts"
        )
    return Check("positive slope", ok, words)


def check_linear_tail(slope: SlopeEstimate) -> Check:
    """Whether the models the slope comes from lie on a line, are enough, and span enough."""
    x, y = slope.candidates.penalty_shape, -slope.candidates.contrast
    tail = slice(len(x) - slope.n_points, None)
    span = float(np.ptp(x[tail]) / np.ptp(x))
    words = f"the slope comes from the {slope.n_points} largest models, {span:.0%} of the range"
    if slope.n_points < _FEWEST_POINTS or span < _SPAN:
        words += (
            f"; at least {_FEWEST_POINTS} models and {_SPAN:.0%} are needed to tell a line from a "
            "curve: fit larger models"
        )
        return Check("linear tail", False, words)
    found = curvature(x[tail], y[tail])
    bent = found.p_value < _LEVEL and abs(found.change) > _CHANGE
    words += (
        f", over which it changes by {found.change:+.0%} (p = {found.p_value:.2g} if it were "
        "straight)"
    )
    if bent:
        words += "; the tail is curved, so the slope depends on where the table ends"
    return Check("linear tail", not bent, words)


def check_dominant_jump(jump: DimensionJump) -> Check:
    """Whether the drop at the chosen multiple is at least twice any drop elsewhere.

    Drops at neighbouring multiples, within 20 %, count as one.
    """
    name = "dominant jump"
    if jump.at is None:
        return Check(name, False, "there is no jump: the smallest model fits best")
    if jump.kappa_hat == 0.0:
        return Check(name, False, "the threshold is above all complexities, so no jump was used")
    kappas = jump.kappas[1:]
    ratio = kappas / jump.kappa_hat
    near = (ratio <= _WINDOW) & (ratio >= 1.0 / _WINDOW)
    here = float(jump.jumps[near].sum())
    other = float(jump.jumps[~near].max(initial=0.0))
    ok = here >= _DOMINANCE * other
    words = f"the dimension drops by {here:g} around {jump.kappa_hat:.4g}"
    if not other:
        return Check(name, ok, words + " and nowhere else")
    elsewhere = float(kappas[~near][np.argmax(jump.jumps[~near])])
    words += f" and by at most {other:g} elsewhere (at {elsewhere:.4g})"
    if not ok:
        rival = jump.model_at(jump.factor * elsewhere)
        same = "the same model" if rival == jump.selected else f"{rival} instead of {jump.selected}"
        words += (
            f", less than twice as much; that one would select {same}: larger models would show "
            "whether the drop is the right one"
        )
    return Check(name, ok, words)


def check_agreement(jump: DimensionJump, slope: SlopeEstimate) -> Check:
    """Whether both rules select the same model."""
    if jump.at is None:
        words = f"without a jump there is no penalty to compare; the slope selects {slope.selected}"
        return Check("agreement", False, words)
    if jump.selected == slope.selected:
        words = f"both rules select {jump.selected}"
    else:
        words = (
            f"the jump selects {jump.selected} (multiple {jump.kappa:.4g}), the slope "
            f"{slope.selected} (multiple {slope.kappa:.4g}); look at the path before taking either"
        )
    return Check("agreement", jump.selected == slope.selected, words)


def check_contrast_falls(candidates: Candidates) -> Check:
    """Whether contrasts fall with the penalty shape, up to half of what the larger models gain.

    Contrasts of nested models never rise at global optima; rises are those of local optima, or of
    models that are not nested. No fit may be worse than a smaller model by more than half of what
    the larger half of the sizes gains in all.
    """
    _, first = np.unique(candidates.penalty_shape, return_index=True)
    contrast = candidates.contrast[first]
    best = np.minimum.accumulate(contrast)
    behind = contrast - best
    rises = int((np.diff(contrast) > 0).sum())
    name = "falling contrast"
    if not rises:
        return Check(name, True, "the contrast never rises with the dimension")
    worst = int(np.argmax(behind))
    gain = float(best[(len(best) - 1) // 2] - best[-1])
    ok = bool(behind[worst] <= _RISE * gain)
    words = (
        f"the contrast rises at {rises} of {len(first) - 1} steps; "
        f"{candidates.names[first[worst]]} is {behind[worst]:.3g} nats worse than a smaller model, "
        f"where the larger half of the sizes gains {gain:.3g} in all"
    )
    if not ok:
        words += "; that is the noise of local optima or of failed fits: use more starts"
    return Check(name, ok, words)


def check_interior(candidates: Candidates, selected: object) -> Check:
    """Whether larger models than the selected one were tried."""
    shape = candidates.penalty_shape
    row = candidates.names.index(selected)
    larger = int((np.unique(shape) > shape[row]).sum())
    if not larger:
        words = f"{selected} is the largest model tried; fit larger ones"
    else:
        words = f"{larger} sizes larger than that of {selected} were tried"
        if shape[row] == shape.min():
            words += "; it is the smallest model there is"
    return Check("inside the grid", larger > 0, words)
