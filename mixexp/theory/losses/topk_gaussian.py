r"""Losses of the top-K sparse softmax-gated Gaussian mixture of experts.

.. math:: D=\max_{\{\ell_1,\dots,\ell_K\}}\sum_{m=1}^K v_{\ell_m},\qquad
   v_j=\sum_{i\in C_j}e^{\beta_{0i}}\sum_B\|\Delta_{ij}B\|^{r_B}
   +\Big|\sum_{i\in C_j}e^{\beta_{0i}}-e^{\beta_{0j}^*}\Big|

The blocks B are ``gate_coef`` (:math:`\beta_1`), ``coef`` (a), ``intercept`` (b) and
``variance`` (:math:`\sigma`), each with its own norm; cells by all of them. The maximum over sets
of K true atoms is the sum of the K largest :math:`v_j`.

What the literature states is for selection without biases: the K largest of
:math:`\beta_{1i}^\top x` are active, and :math:`\beta_{0i}` is added afterwards. No statement of
the paper about selection with biases is known.

The paper fixes the gate of the last expert. Adding one function of x to all scores changes neither
the selection nor the density, so the losses here are invariant under translations, which they
choose to minimise :math:`S=\sum_jv_j` over all cells. The value is then at most :math:`k_*/K`
times the infimum of D over translations: :math:`D(\hat t)\le S(\hat t)\le S(t)\le(k_*/K)D(t)`
for every t, as the mean of the K largest is at least the mean of all. ``gap`` is the certified
difference in the case at hand.

References
----------
.. [1] Nguyen, H., Akbarian, P., Yan, F. and Ho, N. (2023). Statistical perspective of top-K sparse
   softmax gating mixture of experts. arXiv:2309.13850, the losses as they are stated in the
   literature.
"""

from __future__ import annotations

from mixexp.theory.voronoi.engine import LossTable
from mixexp.theory.voronoi.terms import GATE, Cell, Term, checked_count, separate

BLOCKS = (GATE, "coef", "intercept", "variance")
PAPER = "arXiv:2309.13850"


def d1(n_active: int) -> LossTable:
    """Loss for a known number of experts: all exponents are 1.

    Parameters
    ----------
    n_active : int
        Number K of experts that the true gate activates at any x, between 1 and k*.

    Raises
    ------
    ValueError
        If n_active is not a positive integer or, when the loss is evaluated, above k*.

    Examples
    --------
    >>> from mixexp.models.measure import MixingMeasure
    >>> truth = MixingMeasure([1.0, 1.0], {"gate_coef": [[2.0], [0.0]], "coef": [[2.0], [-1.5]],
    ...                                    "intercept": [2.0, -2.0], "variance": [0.25, 0.25]})
    >>> moved = MixingMeasure(truth.weight, {**truth.atoms, "intercept": [2.1, -1.8]})
    >>> d1(1)(moved, truth).value, d1(2)(moved, truth).value
    (0.1, 0.15)
    """

    n_active = checked_count("n_active", n_active, "number of active experts")

    def table(cell: Cell) -> tuple[Term, ...]:
        return separate(dict.fromkeys(BLOCKS, 1.0))

    return LossTable(
        table, BLOCKS, f"{PAPER}, loss D1", "stated in the literature", cells="all",
        n_active=n_active, made_by=(d1, (n_active,)),
    )  # fmt: skip


def d2(n_active: int) -> LossTable:
    r"""Loss for too many experts: in cells of two atoms or more,

    .. math:: \|\Delta\beta_1\|^{\bar r}+\|\Delta a\|^{\bar r/2}+|\Delta b|^{\bar r}
              +|\Delta\sigma|^{\bar r/2},\qquad\bar r=\bar r(|C_j|).

    As :func:`d1` in cells of one atom. The fitted gate must activate enough experts: at least as
    many as are in the K largest cells together.

    Parameters
    ----------
    n_active : int
        As for :func:`d1`; it is that of the true gate, not of the fitted one.

    Raises
    ------
    ValueError
        As for :func:`d1`.

    Examples
    --------
    >>> [term.power for term in d2(1).table(Cell(3, 6.0, {}))]
    [6.0, 3.0, 6.0, 3.0]
    """

    n_active = checked_count("n_active", n_active, "number of active experts")

    def table(cell: Cell) -> tuple[Term, ...]:
        r, half = (1.0, 1.0) if cell.size == 1 else (cell.order, cell.order / 2)
        return separate(dict(zip(BLOCKS, (r, half, r, half), strict=True)))

    return LossTable(
        table, BLOCKS, f"{PAPER}, loss D2", "stated in the literature", cells="all",
        n_active=n_active, made_by=(d2, (n_active,)),
    )  # fmt: skip
