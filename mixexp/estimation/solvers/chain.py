"""Which methods follow each other for each name of a solver."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.box import Box
from mixexp.estimation.objective import Objective
from mixexp.estimation.pieces import pieces_of
from mixexp.estimation.solvers._base import Reason, Solution, Solver
from mixexp.estimation.solvers.em import EM
from mixexp.estimation.solvers.lbfgs import LBFGS
from mixexp.estimation.solvers.newton import Newton, NewtonState
from mixexp.estimation.solvers.regions import Regions
from mixexp.estimation.solvers.warm_up import warm_up

Array = NDArray[np.float64]

SOLVERS = ("auto", "em", "newton", "lbfgs")

# Beyond, the Hessian costs more than the many gradients that L-BFGS needs; far beyond, it is not
# even formed to certify.
NEWTON_LIMIT = 250
HESSIAN_LIMIT = 3000


class Stage(NamedTuple):
    """A solver and the number of its steps; None for the caller's limit."""

    solver: Solver | Regions
    n_steps: int | None


def stages(
    name: str,
    n_free: int,
    n_em: int,
    *,
    in_pieces: bool = False,
    search: bool = True,
    max_iter: int = 500,
) -> list[Stage]:
    """The stages of a solver by name; ``n_em`` EM steps come first in all but plain EM.

    A likelihood that is smooth in pieces only has one solver beside EM; ``search`` says whether it
    moves their boundaries. L-BFGS makes all its iterations, four times ``max_iter``, in one step.
    """
    if name not in SOLVERS:
        raise ValueError(f"solver={name!r} is not one of {', '.join(map(repr, SOLVERS))}")
    if name == "em":
        return [Stage(EM(), None)]
    warm_up = [Stage(EM(), n_em)] if n_em > 0 else []
    if in_pieces:
        smooth = None if n_free <= NEWTON_LIMIT else LBFGS(max_iter=4 * max_iter)
        regions = Regions(smooth) if search else Regions(smooth, max_sweeps=0)
        return [*warm_up, Stage(regions, None)]
    if name == "newton" or (name == "auto" and n_free <= NEWTON_LIMIT):
        return [*warm_up, Stage(Newton(), None)]
    descent = [*warm_up, Stage(LBFGS(max_iter=4 * max_iter), 1)]
    if name == "auto" and n_free <= HESSIAN_LIMIT:
        descent.append(Stage(Newton(), None))
    return descent


def solve(
    name: str,
    objective: Objective,
    theta: Array,
    box: Box,
    *,
    n_em: int = 5,
    tol: float = 1e-8,
    max_iter: int = 500,
    search: bool = True,
    polish: bool = True,
    near: bool = False,
) -> Solution:
    """Run the stages of a solver one after the other; traces are joined.

    Parameters
    ----------
    name : {"auto", "em", "newton", "lbfgs"}
    objective : Objective
    theta : array (P,)
    box : Box
    n_em : int
        EM steps before the main method.
    tol : float
        Remaining gain at which to stop, nats.
    max_iter : int
        Steps of the main method.
    search : bool
        Whether to search over the boundaries of a likelihood that is smooth in pieces only.
    polish : bool
        Whether to refine what has come within ``tol``, where Newton's method does.
    near : bool
        Whether θ may well be near an optimum: Newton's method then starts there, without EM steps,
        if its model has its top within reach.
    """
    trace: list[float] = []
    solution = Solution(theta, -np.inf, Reason.BUDGET, [])
    in_pieces = pieces_of(objective) is not None
    methods = stages(
        name, objective.layout.n_free, n_em,
        in_pieces=in_pieces, search=search, max_iter=max_iter,
    )  # fmt: skip
    if len(methods) == 2 and isinstance(newton := methods[1].solver, Newton):
        state, trace = NewtonState(theta, -np.inf), []
        if near:
            state = newton.start(objective, box.project(theta), box)
        if not state.in_reach:
            state, trace = warm_up(objective, theta, box, newton, n_em, tol)
        solution = newton.solve(
            objective, state.theta, box, tol=tol, max_iter=max_iter, state=state, polish=polish
        )
        return replace(solution, trace=trace[:-1] + solution.trace)
    for solver, n_steps in methods:
        limit = max_iter if n_steps is None else n_steps
        solution = solver.solve(objective, theta, box, tol=tol, max_iter=limit, polish=polish)
        theta = solution.theta
        trace = trace[:-1] + solution.trace
        if solution.reason is Reason.NOT_FINITE:
            break
    return replace(solution, trace=trace)
