r"""Tables of exponents: the powers at which a Voronoi loss measures each block of parameters.

A loss is a function from the size of a cell to terms (blocks B, power r), each standing for the
joint norm of the errors in the blocks B, to the power r. A power r next to errors of total order
:math:`n^{-1/2}` means errors of order :math:`n^{-1/(2r)}` in the blocks.

References
----------
.. [1] Nguyen, H., Nguyen, T. and Ho, N. (2023). Demystifying softmax gating function in Gaussian
   mixture of experts. arXiv:2305.03288, equations (4), (5), (6) and Lemma 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

GATE = "gate_coef"
ALL = (GATE, "coef", "intercept", "variance")
LARGEST_PROVED_SIZE = 3
"""Largest cell whose exponent :func:`r_bar` is a theorem."""


class Term(NamedTuple):
    """The joint norm of the errors in some blocks, raised to a power."""

    blocks: tuple[str, ...]
    power: float


Table = Callable[[int, float], tuple[Term, ...]]
"""The terms of an atom, from the size of its cell and the exponent r-bar of that size."""


def r_bar(size: int) -> float:
    r"""Order :math:`\bar r(m)` of the polynomial system of Gaussian location-scale mixtures.

    The smallest r for which the system (6) of [1]_ in m atoms has no non-trivial solution:
    :math:`\bar r(2)=4` and :math:`\bar r(3)=6` (Lemma 1 of [1]_). For :math:`m\ge4` only
    :math:`\bar r(m)\ge7` is known; the value :math:`2m` returned here is a conjecture of [1]_.
    By convention 1 for a cell of one atom.

    Examples
    --------
    >>> [r_bar(m) for m in (1, 2, 3, 4)]
    [1.0, 4.0, 6.0, 8.0]
    """
    return 2.0 * size if size > 1 else 1.0


def d1_table(size: int, r_bar: float) -> tuple[Term, ...]:
    """Equation (4) of [1]_: the plain norm of everything.

    Examples
    --------
    >>> d1_table(2, 4.0)[0].power
    1.0
    """
    return (Term(ALL, 1.0),)


def d2_table(size: int, r_bar: float) -> tuple[Term, ...]:
    """Equation (5) of [1]_: powers r-bar and r-bar / 2 in cells of two atoms or more.

    Examples
    --------
    >>> [(t.blocks, t.power) for t in d2_table(2, 4.0)]
    [(('gate_coef', 'intercept'), 4.0), (('coef', 'variance'), 2.0)]
    """
    if size == 1:
        return d1_table(size, r_bar)
    return Term((GATE, "intercept"), r_bar), Term(("coef", "variance"), r_bar / 2)


def d2_sharp_table(size: int, r_bar: float) -> tuple[Term, ...]:
    """Derived here for k < 2 k*: as equation (5) of [1]_, but powers 2 for both slopes.

    Examples
    --------
    >>> {t.blocks[0]: t.power for t in d2_sharp_table(3, 6.0)}
    {'gate_coef': 2.0, 'coef': 2.0, 'intercept': 6.0, 'variance': 3.0}
    """
    if size == 1:
        return d1_table(size, r_bar)
    powers = {GATE: 2.0, "coef": 2.0, "intercept": r_bar, "variance": r_bar / 2}
    return tuple(Term((name,), power) for name, power in powers.items())
