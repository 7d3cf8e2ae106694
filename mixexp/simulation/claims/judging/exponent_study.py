"""Exponents r with ``h ≈ ε^r`` along a claim's directions: the slopes -1/(2r) they imply."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from mixexp.simulation.claims.claim import Claim
from mixexp.simulation.claims.problems.conditional import Conditional
from mixexp.simulation.study import Row, Study, StudyTask
from mixexp.theory.exponents.directions import Direction
from mixexp.theory.exponents.estimate import LocalExponents
from mixexp.theory.exponents.local import local_exponents

if TYPE_CHECKING:
    import pandas as pd

# Distances of the order of ε^6 are soon at rounding: larger ε, closer together, and more starts.
_THREE_COPIES = {"epsilon": (0.9, 0.8, 0.7, 0.6, 0.5, 0.42), "n_starts": 4}


@runtime_checkable
class KnowsExponents(Protocol):
    """A problem that has a method of its own for the exponents of cells."""

    def local_exponent(self, block: str, cell: int, copies: int) -> LocalExponents:
        """Exponent of two copies of a true atom that are apart in a block."""
        ...


class Computed(NamedTuple):
    """An exponent without sampling noise; None where the search did not tell.

    Examples
    --------
    >>> Computed("gate_coef apart", 2.0, 0.1, False).implied
    -0.25
    """

    direction: str
    exponent: float | None
    half_width: float | None
    flat: bool

    @property
    def implied(self) -> float | None:
        """The slope ``-1/(2r)``: data cannot see a distance ε^r below n^(-1/2)."""
        return None if self.exponent is None else -0.5 / self.exponent

    @property
    def implied_ends(self) -> tuple[float, float] | None:
        """The slopes of both ends of r ± half-width; the lower end may be minus infinity."""
        if self.exponent is None or self.half_width is None:
            return None
        least = self.exponent - self.half_width
        return (-0.5 / least if least > 0 else -math.inf, -0.5 / (self.exponent + self.half_width))


def exponent_study(claim: Claim) -> Study | None:
    """One task a direction, numbered in the order of their columns; None without directions.

    Deterministic numbers are stored like the cells of a claim, so that they are computed once.

    Examples
    --------
    >>> from mixexp.theory.exponents.directions import Split
    >>> from mixexp.simulation.claims.budget import Cost
    >>> claim = Claim("demo", "", "", "", None, (10,), 1.0, Cost(1.0, 0.0), (), (),
    ...               directions={"pair_coef": Split("coef"), "pair": Split("intercept")})
    >>> study = exponent_study(claim)
    >>> study.name, len(study.tasks())
    ('demo_exponents', 2)
    >>> exponent_study(Claim("demo", "", "", "", None, (10,), 1.0, Cost(1.0, 0.0), (), ())) is None
    True
    """
    if not claim.directions:
        return None
    return Study(
        f"{claim.name}_exponents",
        sizes=(1,),
        replicates=len(claim.directions),
        run=partial(one_exponent, claim),
        params={
            "problem": repr(claim.problem),
            "directions": {column: repr(each) for column, each in claim.directions.items()},
        },
        version=claim.version,
    )


def one_exponent(claim: Claim, task: StudyTask) -> Row:
    """The row of one direction.

    Columns: ``column`` of the claim, ``direction`` in words, ``exponent`` and ``half_width``
    (missing if not finite), ``flat``, ``n_converged`` of ``n_epsilon`` searches.
    """
    column = sorted(claim.directions)[task.replicate]
    found = _exponents(claim.problem, claim.directions[column])
    return {
        "column": column,
        "direction": found.direction,
        "exponent": _finite(found.exponent),
        "half_width": _finite(found.half_width),
        "flat": found.flat,
        "n_converged": found.n_converged,
        "n_epsilon": len(found.epsilon),
    }


def computed_exponents(frame: pd.DataFrame | None) -> dict[str, Computed]:
    """What `exponent_study` found, by column; failed searches are left out.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"column": ["pair_coef"], "direction": ["coef apart"],
    ...                       "exponent": [2.0], "half_width": [0.05], "flat": [False]})
    >>> computed_exponents(frame)["pair_coef"].implied
    -0.25
    """
    if frame is None or "column" not in frame:
        return {}
    found = {}
    for row in frame[frame["column"].notna()].to_dict("records"):
        numbers = (_given(row["exponent"]), _given(row["half_width"]))
        found[row["column"]] = Computed(row["direction"], *numbers, bool(row["flat"]))
    return found


def _exponents(problem: Any, direction: Direction) -> LocalExponents:
    copies = getattr(direction, "copies", 2)
    if isinstance(problem, Conditional):
        options: dict[str, Any] = _THREE_COPIES if copies == 3 else {}
        return local_exponents(problem.truth, direction, **options)
    if isinstance(problem, KnowsExponents):
        return problem.local_exponent(direction.block, direction.cell, copies)
    raise TypeError(
        f"problem={type(problem).__name__} has no exponents: give it a method "
        "local_exponent(block, cell, copies), or the claim no directions"
    )


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _given(value: Any) -> float | None:
    import pandas as pd

    return None if pd.isna(value) else float(value)
