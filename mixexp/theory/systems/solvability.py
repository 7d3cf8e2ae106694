r"""What is known about one polynomial system: solvable or not, and how firmly.

The exponent :math:`\bar r(m)` is the smallest r for which the system in m atoms has no non-trivial
solution. The systems are nested, so a solution at r shows :math:`\bar r(m)>r`, and the absence of
one shows :math:`\bar r(m)\le r`.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal

import numpy as np

Status = Literal["proved", "derived here", "verified", "stated in the literature", "evidence"]


@dataclass(frozen=True)
class Solvability:
    r"""Whether the location-scale system in m atoms up to order r has a non-trivial solution.

    Attributes
    ----------
    m, r : int
        Number of atoms, and largest order of an equation.
    solvable : bool or None
        None if nothing is decided.
    status : str
        ``"proved"``: every step in the function's documentation is checked by exact arithmetic,
        or is a classical theorem cited there.
        ``"derived here"``: an argument written out there, which has not been refereed.
        ``"verified"``: a solution found numerically, whose existence near the witness an interval
        test proves. ``"stated in the literature"``: cited,
        not checked here. ``"evidence"``: a numerical search, no proof.
    method : str
        How, in words, with the source.
    witness : tuple of tuple of float, or None
        Rows (s1, s2, w), one per atom: a solution, or a point within 1e-9 of one; for evidence,
        the point of smallest residual.
    residual : float or None
        For evidence: the smallest norm of the residual that was found.
    seconds : float
        Time it took.

    Examples
    --------
    >>> known = Solvability(3, 6, False, "stated in the literature", "Lemma 1 of [2]_")
    >>> known.statement
    'r-bar(3) <= 6'
    """

    m: int
    r: int
    solvable: bool | None
    status: Status
    method: str
    witness: tuple[tuple[float, ...], ...] | None = None
    residual: float | None = None
    seconds: float = 0.0

    @property
    def statement(self) -> str:
        """What this says about r-bar(m)."""
        if self.solvable is None:
            return f"nothing decided about r-bar({self.m}) at r = {self.r}"
        return f"r-bar({self.m}) {'>' if self.solvable else '<='} {self.r}"

    def __str__(self) -> str:
        found = "" if self.residual is None else f", smallest residual {self.residual:.2g}"
        return f"{self.statement} ({self.status}: {self.method}{found}; {self.seconds:.2f} s)"


def check_size(m: Any) -> None:
    """Refuse a number of atoms that has no system.

    Raises
    ------
    ValueError
        If m is not an integer of 2 or more.

    Examples
    --------
    >>> check_size(2.5)
    Traceback (most recent call last):
    ValueError: m is 2.5; give at least 2 atoms, an integer (a single one needs no system)
    """
    if not isinstance(m, Integral) or m < 2:
        raise ValueError(
            f"m is {m!r}; give at least 2 atoms, an integer (a single one needs no system)"
        )


def as_witness(values: np.ndarray) -> tuple[tuple[float, ...], ...]:
    """The rows of an array as plain floats.

    Examples
    --------
    >>> as_witness(np.eye(2))
    ((1.0, 0.0), (0.0, 1.0))
    """
    return tuple(tuple(float(v) for v in row) for row in values)
