r"""The exponents :math:`\bar r(m)`: what is proved, verified, cited and only searched for.

In short 2m: stated in the literature for m = 2, 3; derived here, not refereed, for m >= 4.

References
----------
.. [1] Ho, N. and Nguyen, X. (2016). Convergence rates of parameter estimation for some weakly
   identifiable finite mixtures. Annals of Statistics 44, Proposition 2.1.
.. [2] Nguyen, H., Nguyen, T. and Ho, N. (2023). Demystifying softmax gating function in Gaussian
   mixture of experts. arXiv:2305.03288, Lemma 1.
"""

from __future__ import annotations

from collections.abc import Sequence

from mixexp.theory.systems.proof import (
    prove_two_atoms,
    quadrature_solution,
    sign_change_bound,
)
from mixexp.theory.systems.search import residual_lower_bound, verified_solution
from mixexp.theory.systems.solvability import Solvability, check_size


def r_bar_evidence(m: int, *, n_starts: int = 10, seed: int = 0) -> list[Solvability]:
    r"""Everything this package knows about :math:`\bar r(m)`, the literature first.

    Parameters
    ----------
    m : int
        Number of atoms, at least 2. Seconds up to m = 5; the search grows with m.
    n_starts, seed : int
        Of the numerical searches.

    Returns
    -------
    list of Solvability
        What is cited; what is proved or derived here (:func:`prove_two_atoms`,
        :func:`quadrature_solution`, :func:`sign_change_bound`); the solution verified at
        r = 2m - 1 (:func:`verified_solution`); the search at r = 2m
        (:func:`residual_lower_bound`).

    Raises
    ------
    ValueError
        If m is not an integer of 2 or more.

    Examples
    --------
    >>> for row in r_bar_evidence(3, n_starts=3):
    ...     print(row.statement, "--", row.status)
    r-bar(3) > 5 -- stated in the literature
    r-bar(3) <= 6 -- stated in the literature
    r-bar(3) > 5 -- proved
    r-bar(3) <= 6 -- derived here
    r-bar(3) > 5 -- verified
    nothing decided about r-bar(3) at r = 6 -- evidence
    """
    quadrature = quadrature_solution(m)
    return [
        *stated(m),
        *(prove_two_atoms() if m == 2 else ()),
        quadrature,
        sign_change_bound(m),
        verified_solution(m, 2 * m - 1, n_starts=n_starts, seed=seed),
        residual_lower_bound(m, 2 * m, n_starts=n_starts, seed=seed),
    ]


def r_bar_table(sizes: Sequence[int] = (2, 3, 4), **options: int) -> list[Solvability]:
    """The rows of :func:`r_bar_evidence` for several m.

    Examples
    --------
    >>> len(r_bar_table((2,), n_starts=1))
    8
    """
    return [row for m in sizes for row in r_bar_evidence(m, **options)]


def stated(m: int) -> list[Solvability]:
    r"""What the literature states: :math:`\bar r(2)=4,\ \bar r(3)=6,\ \bar r(m)\ge7` for m >= 4.

    Examples
    --------
    >>> [row.statement for row in stated(4)]
    ['r-bar(4) > 6']
    """
    check_size(m)
    if m >= 4:
        source = (
            "later papers, after Ho and Nguyen (2016); 2m is a conjecture of Nguyen et al. (2023)"
        )
        return [Solvability(m, 6, True, "stated in the literature", source)]
    source = "Lemma 1 of Nguyen, Nguyen and Ho (2023), after Ho and Nguyen (2016)"
    return [
        Solvability(m, 2 * m - 1, True, "stated in the literature", source),
        Solvability(m, 2 * m, False, "stated in the literature", source),
    ]
