r"""What tables of exponents are written in: cells, terms and the order r-bar.

A Voronoi loss is a function from a cell to terms (blocks B, power r), each standing for the norm
of the errors in the blocks B, to the power r. A power r next to errors of total order
:math:`n^{-1/2}` means errors of order :math:`n^{-1/(2r)}` in the blocks.

References
----------
.. [1] Nguyen, H., Nguyen, T. and Ho, N. (2023). Demystifying softmax gating function in Gaussian
   mixture of experts. arXiv:2305.03288, equations (4), (5), (6) and Lemma 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np

GATE = "gate_coef"
LARGEST_STATED_SIZE = 3
"""Largest cell whose exponent :func:`r_bar` is stated in the literature."""


class Cell(NamedTuple):
    r"""What a table of exponents may look at.

    Parameters
    ----------
    size : int
        Number of distinct fitted atoms in the cell, at least 1.
    order : float
        The order :math:`\bar r` of that size.
    atom : mapping of str to array
        The blocks of the true atom, without the axis of atoms.
    """

    size: int
    order: float
    atom: Mapping[str, np.ndarray]


class Term(NamedTuple):
    r"""The joint norm of the errors in some blocks, raised to a power.

    Parameters
    ----------
    blocks : tuple of str
        Blocks whose errors are put into one vector.
    power : float
        Power r of its Euclidean norm.
    each : bool
        One norm for every leading index of the blocks of an atom, for instance every class of a
        multinomial expert; their powers are added.
    of_mean : bool
        The error of the weighted mean of the cell's atoms, times the mass of the cell, in place of
        the weighted sum over its atoms.
    """

    blocks: tuple[str, ...]
    power: float
    each: bool = False
    of_mean: bool = False


Table = Callable[[Cell], tuple[Term, ...]]
"""The terms of a cell."""


def r_bar(size: int) -> float:
    r"""Order :math:`\bar r(m)` of the polynomial system of Gaussian location-scale mixtures.

    The smallest r for which the system (6) of [1]_ in m atoms has no non-trivial solution. It is
    2m: stated in the literature for m = 2, 3; derived here, not refereed, for m >= 4.

    The literature has :math:`\bar r(2)=4` and :math:`\bar r(3)=6` (Lemma 1 of [1]_) and
    :math:`\bar r(m)\ge7` for :math:`m\ge4`, with 2m a conjecture of [1]_. That it is at least 2m
    is proved by :func:`mixexp.theory.systems.proof.quadrature_solution`, and that it is at most 2m
    is argued at :func:`mixexp.theory.systems.proof.sign_change_bound`. By convention 1 for a cell
    of one atom.

    Raises
    ------
    ValueError
        If the size is not a positive integer.

    Examples
    --------
    >>> [r_bar(m) for m in (1, 2, 3, 4)]
    [1.0, 4.0, 6.0, 8.0]
    """
    size = checked_count("size", size, "number of atoms of a cell")
    return 2.0 * size if size > 1 else 1.0


def separate(powers: Mapping[str, float], *, each: tuple[str, ...] = ()) -> tuple[Term, ...]:
    """One term for each block; the blocks named in ``each`` with one norm per leading index.

    Examples
    --------
    >>> separate({"gate_coef": 2.0, "intercept": 4.0})[1].power
    4.0
    """
    return tuple(Term((name,), power, name in each) for name, power in powers.items())


def checked_order(r: Any, name: str = "r") -> float:
    """The exponent r as a float.

    Raises
    ------
    ValueError
        If r is not a number, below 1 or not finite.

    Examples
    --------
    >>> checked_order(2)
    2.0
    """
    if not isinstance(r, Real) or isinstance(r, bool) or not 1.0 <= float(r) < np.inf:
        raise ValueError(f"{name} is {r!r}; the loss needs a finite exponent of 1 or more")
    return float(r)


def checked_count(name: str, value: Any, what: str) -> int:
    """A positive integer as an int.

    Raises
    ------
    ValueError
        If the value is anything else.

    Examples
    --------
    >>> checked_count("n_active", 2, "number of active experts")
    2
    """
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} is {value!r}; give a positive integer, the {what}")
    return int(value)
