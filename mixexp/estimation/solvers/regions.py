"""Fits of piecewise smooth likelihoods: smooth fits and searches over boundaries in turn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.boundary import crossings, profile_candidates
from mixexp.estimation.box import Box
from mixexp.estimation.objective import Evaluation, Objective
from mixexp.estimation.pieces import (
    FixedRegions,
    boundary_moves,
    moved,
    normalised,
    pieces_of,
    rigid_basis,
)
from mixexp.estimation.solvers._base import Reason, Solution
from mixexp.estimation.solvers.edges import MAX_EDGES, to_the_edge
from mixexp.estimation.solvers.lbfgs import LBFGS
from mixexp.estimation.solvers.newton import Newton

Array = NDArray[np.float64]

_GRID = tuple(sign * 4.0**-i for i in range(1, 13) for sign in (1.0, -1.0))
_REFIT = 3
_PATIENCE = 40
# A sweep on grids costs many times one with exact profiles.
_MAX_GRID_SWEEPS = 8


class Regions:
    """Newton with every row held on its piece, alternated with a search over the boundaries.

    For a top-K gate the search is exact along each line that moves one expert's scores: rows cross
    one after the other, the cumulated jumps in log-likelihood and a parabola for what is smooth are
    the profile over the position of the boundary, and its best positions are tried with a short
    smooth refit. A move is accepted only if it raises the true likelihood, so values never fall.
    Where only the gradient jumps (kinks of an activation), a grid of step lengths takes the place
    of the profile.

    The optimum is certified along rigid moves; for boundaries it says that no move of the last
    sweep helped. Where in the gap between two rows a boundary lies can still be worth some
    hundredths of a nat: that is left at the best point of the profiles.

    Parameters
    ----------
    smooth : Newton or LBFGS, optional
        The solver for the smooth fits.
    max_sweeps : int, default=20
        Searches over all boundaries; with 0 they stay where they are.
    seed : int, default=0
        Order in which moves are tried.
    """

    def __init__(self, smooth: Newton | LBFGS | None = None, max_sweeps: int = 20, seed: int = 0):
        self.smooth = smooth or Newton(max_rejected=8)
        self.max_sweeps, self.seed = max_sweeps, seed

    def solve(
        self,
        objective: Objective,
        theta: Array,
        box: Box,
        *,
        tol: float = 1e-8,
        max_iter: int = 500,
        polish: bool = True,
    ) -> Solution:
        """Climb from θ; see :meth:`Solver.solve`."""
        pieces = pieces_of(objective)
        assert pieces is not None
        rng = np.random.default_rng(self.seed)
        theta = box.project(normalised(objective, theta))
        trace = [objective.evaluate(theta).value]
        if not np.isfinite(trace[0]):
            return Solution(theta, trace[0], Reason.NOT_FINITE, trace)
        if not pieces.jumps:
            # Most optima lie between kinks. At one, steps zigzag across it without end.
            patience = min(max_iter, 2 * _PATIENCE)
            free = Newton(max_rejected=8).solve(
                objective, theta, box, tol=tol, max_iter=patience, polish=polish
            )
            theta, trace = free.theta, free.trace
            if free.reason is Reason.STATIONARY:
                return free
        n_moves, n_tried = 0, 0
        exact = pieces.jumps and pieces.linear
        n_sweeps = self.max_sweeps if exact else min(self.max_sweeps, _MAX_GRID_SWEEPS)
        for n_left in reversed(range(n_sweeps + 1)):
            smooth = self._smooth(objective, theta, box, tol, max_iter, polish=polish)
            theta, trace = smooth.theta, trace + smooth.trace[1:]
            if not n_left:
                break
            accepted, tried, theta, value = self._sweep(
                objective, theta, smooth.value, box, rng, tol
            )
            n_moves, n_tried = n_moves + accepted, tried
            trace.append(value)
            if not accepted:
                return Solution(theta, value, smooth.reason, trace, n_moves, n_tried)
        reason = Reason.MAX_ITER if self.max_sweeps else smooth.reason
        return Solution(theta, trace[-1], reason, trace, n_moves, n_tried)

    def _smooth(
        self,
        objective: Objective,
        theta: Array,
        box: Box,
        tol: float,
        max_iter: int,
        *,
        polish: bool = True,
    ) -> Solution:
        """A fit in which no boundary turns; where a row on the edge stops it, along the edge."""
        if isinstance(self.smooth, LBFGS):
            # Its own iterations are all in one step, and a short refit has no use for it.
            max_iter = int(max_iter > _REFIT)
        basis = rigid_basis(objective, theta)
        trace: list[float] = []
        for _ in range(MAX_EDGES):
            rigid = FixedRegions(objective, basis)
            # Short of an edge, steps shrink without end: look there after a while.
            found = self.smooth.solve(
                rigid, theta, box, tol=tol, max_iter=min(max_iter, _PATIENCE),  # type: ignore[arg-type]
                polish=polish,
            )  # fmt: skip
            trace = trace[:-1] + found.trace
            if found.reason is Reason.STATIONARY or max_iter <= _REFIT:
                break
            theta = found.theta
            evaluation = objective.evaluate(theta, 2)
            size = basis.shape[1]
            theta, basis = to_the_edge(objective, evaluation, theta, box, tol)
            if basis.shape[1] == size and found.reason is not Reason.MAX_ITER:
                break
        return replace(found, trace=trace)

    def _sweep(
        self,
        objective: Objective,
        theta: Array,
        value: float,
        box: Box,
        rng: np.random.Generator,
        tol: float,
    ) -> tuple[int, int, Array, float]:
        """Try each move of a boundary once; accepted and tried moves, θ and its value."""
        accepted, tried = 0, 0
        worth = max(10.0 * tol, 1e-13 * (1.0 + abs(value)))
        smooth = self._derivatives(objective, theta)
        for expert, direction in boundary_moves(objective, theta, rng):
            tried += 1
            for t in self._positions(objective, theta, smooth, expert, direction):
                trial = box.project(moved(objective, theta, expert, direction, t))
                found = self._smooth(objective, trial, box, tol, _REFIT, polish=False)
                if found.value > value + worth:
                    theta, value, accepted = found.theta, found.value, accepted + 1
                    smooth = self._derivatives(objective, theta)
                    break
        return accepted, tried, theta, value

    def _derivatives(self, objective: Objective, theta: Array) -> Evaluation | None:
        """Of the likelihood with the active experts held, if that changes as boundaries move."""
        pieces = pieces_of(objective)
        assert pieces is not None
        # The weights of a single expert are one on either side; no Hessian where there is no room.
        if not pieces.jumps or pieces.n_active == 1 or not isinstance(self.smooth, Newton):
            return None
        return objective.evaluate(theta, 2)

    @staticmethod
    def _positions(
        objective: Objective,
        theta: Array,
        evaluation: Evaluation | None,
        expert: int,
        direction: Array,
    ) -> list[float]:
        pieces = pieces_of(objective)
        assert pieces is not None
        if pieces.jumps and pieces.linear:
            smooth = (0.0, 0.0)
            if evaluation is not None:
                along = moved(objective, theta, expert, direction, 1.0) - theta
                assert evaluation.gradient is not None and evaluation.hessian is not None
                curvature = along @ evaluation.hessian @ along
                smooth = float(evaluation.gradient @ along), float(curvature)
            crossed = crossings(objective, theta, expert, direction)
            return profile_candidates(*crossed, smooth=smooth)[:3]
        here = objective.evaluate(theta).value
        heights = {
            t: objective.evaluate(moved(objective, theta, expert, direction, t)).value
            for t in _GRID
        }
        best = max(heights, key=lambda t: heights[t])
        return [best] if heights[best] > here else []
