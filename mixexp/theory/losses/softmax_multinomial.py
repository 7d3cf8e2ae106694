r"""Losses of the softmax-gated multinomial logistic mixture of experts.

.. math:: P(Y=\ell\mid x,i)\propto\exp(a_{i\ell}+b_{i\ell}^\top x),\qquad\ell=1,\dots,J

Blocks ``gate_coef`` (:math:`\beta_1`), ``intercept`` (a, shape (K, J)) and ``coef`` (b, shape
(K, J, d)); cells by all of them. The last class is the reference: its row is subtracted first, so
adding the same numbers to all logits of an expert changes nothing. The paper also fixes the gate of
the last expert; the losses here take the infimum over translations of the gate instead. An error is
taken separately for every class. Call a loss as ``d1(fitted, truth)``, see
:func:`mixexp.theory.voronoi.engine.voronoi_loss`.

References
----------
.. [1] Nguyen, H., Akbarian, P., Nguyen, T. and Ho, N. (2023). A general theory for softmax gating
   multinomial logistic mixture of experts. arXiv:2310.14188, the losses as they are stated in the
   literature.
"""

from __future__ import annotations

import numpy as np
from scipy.special import softmax

from mixexp.models.measure import MixingMeasure
from mixexp.theory.voronoi.engine import LossTable, loss_table
from mixexp.theory.voronoi.terms import GATE, Cell, Term, checked_order, separate

BLOCKS = (GATE, "intercept", "coef")
PAPER = "arXiv:2310.14188"
BY_CLASS = ("intercept", "coef")


def reference_class(measure: MixingMeasure) -> MixingMeasure:
    """Subtract the last class's intercept and slopes; add ``probability``, the classes' at x = 0.

    Raises
    ------
    ValueError
        If the blocks have not the shapes (K, J) and (K, J, d).

    Examples
    --------
    >>> G = MixingMeasure([1.0], {"gate_coef": [[0.0]], "intercept": [[2.0, 1.0, 1.0]],
    ...                           "coef": [[[3.0], [0.0], [1.0]]]})
    >>> reference_class(G)["intercept"], reference_class(G)["coef"].ravel()
    (array([[1., 0., 0.]]), array([ 2., -1.,  0.]))
    """
    intercept, coef = measure["intercept"], measure["coef"]
    if intercept.ndim != 2 or coef.ndim != 3 or coef.shape[1] != intercept.shape[1]:
        raise ValueError(
            f"intercept has shape {intercept.shape} and coef {coef.shape}; multinomial experts "
            "need (K, J) and (K, J, d), a row for every class"
        )
    logit = intercept - intercept[:, -1:]
    blocks = {
        "intercept": logit,
        "coef": coef - coef[:, -1:],
        "probability": softmax(logit, axis=1),
    }
    return MixingMeasure(measure.weight, {**measure.atoms, **blocks})


@loss_table(
    blocks=BLOCKS, source=f"{PAPER}, loss D1", status="stated in the literature",
    cells="all", prepare=reference_class,
)  # fmt: skip
def d1(cell: Cell) -> tuple[Term, ...]:
    r"""Loss if every expert depends on x: squares in cells of two atoms or more.

    .. math:: \|\Delta^{t_2}\beta_{1}\|^{r}+\sum_{\ell<J}(|\Delta a_{\ell}|^{r}
              +\|\Delta b_{\ell}\|^{r}),\qquad r=1\text{ if }|C_j|=1,\quad r=2\text{ otherwise.}

    Stated in the literature: of order :math:`(\log n/n)^{1/2}` at most if each true expert has a
    slope that is not zero.

    Examples
    --------
    >>> truth = MixingMeasure([1.0, 1.0], {
    ...     "gate_coef": [[2.0], [0.0]], "intercept": [[1.0, 0.0, 0.0], [-1.0, 1.0, 0.0]],
    ...     "coef": [[[1.0], [2.0], [0.0]], [[-1.0], [1.0], [0.0]]]})
    >>> moved = np.array(truth["intercept"]) + [[0.3, 0.4, 0.0], [0.0, 0.0, 0.0]]
    >>> d1(MixingMeasure([1.0, 1.0], {**truth.atoms, "intercept": moved}), truth).value
    0.35
    """
    return separate(dict.fromkeys(BLOCKS, 1.0 if cell.size == 1 else 2.0), each=BY_CLASS)


def d2(r: float) -> LossTable:
    r"""Loss with the exponent r everywhere, for truths with an expert that does not depend on x.

    .. math:: \|\Delta^{t_2}\beta_{1}\|^{r}
              +\sum_{\ell<J}(|\Delta a_{\ell}|^{r}+\|\Delta b_{\ell}\|^{r})

    Stated in the literature: with too many experts and the standard softmax gate no estimator has
    a smaller order than :math:`n^{-1/2}` uniformly, for any r, so that some parameters converge
    more slowly than any polynomial rate.

    Parameters
    ----------
    r : float
        At least 1.

    Raises
    ------
    ValueError
        If r is not a finite number of 1 or more.

    Examples
    --------
    >>> d2(3)
    <loss d2(3): arXiv:2310.14188, loss D2,r>
    """
    order = checked_order(r)

    def table(cell: Cell) -> tuple[Term, ...]:
        return separate(dict.fromkeys(BLOCKS, order), each=BY_CLASS)

    return LossTable(
        table, BLOCKS, f"{PAPER}, loss D2,r", "stated in the literature", cells="all",
        prepare=reference_class, made_by=(d2, (r,)),
    )  # fmt: skip


@loss_table(
    blocks=BLOCKS, source=f"{PAPER}, loss D3", status="stated in the literature",
    cells="all", prepare=reference_class,
)  # fmt: skip
def d3(cell: Cell) -> tuple[Term, ...]:
    """Loss for a gate in transformed covariates M(x): the terms of :func:`d1`, for all truths.

    Stated in the literature also for experts that do not depend on x, as the statement is
    remembered in secondary sources. There it is positive at measures with the density of the
    truth, for any M, if the fit has more experts than the truth: a constant expert with class
    probabilities p splits into two with the same gate and with probabilities of mean p, an exact
    counterexample unless the paper's assumptions exclude it. See :func:`d3_barycentre`.

    Examples
    --------
    >>> d3.table(Cell(2, 4.0, {}))[0]
    Term(blocks=('gate_coef',), power=2.0, each=False, of_mean=False)
    """
    return d1.table(cell)


@loss_table(
    blocks=BLOCKS, source=f"{PAPER}, loss D3, mended in cells of constant experts",
    status="derived here", cells="all", prepare=reference_class,
)  # fmt: skip
def d3_barycentre(cell: Cell) -> tuple[Term, ...]:
    r"""As :func:`d3`, but constant experts are judged by their mean probabilities only.

    In a cell of two atoms or more whose true expert has no slopes, the intercepts give way to

    .. math:: \Big|\sum_{i\in C_j}e^{\beta_{0i}}\,
              (\mathrm{softmax}(a_i)-\mathrm{softmax}(a_j^*))\Big|,

    the Euclidean norm over classes. Derived here: this is zero on the exact splits named at
    :func:`d3`, which leave the density unchanged. That the rest is of the order of the distance
    between densities is not proved, and fails for slopes in special truths: if all J classes of
    the constant expert have the same probability, the J cyclic permutations of the logits of
    any expert average to it, and the same happens with two atoms if a set of classes has
    probability one half.

    Examples
    --------
    >>> constant = {"coef": np.zeros((3, 1))}
    >>> d3_barycentre.table(Cell(2, 4.0, constant))[-1]
    Term(blocks=('probability',), power=1.0, each=False, of_mean=True)
    """
    if cell.size == 1 or np.any(cell.atom["coef"]):
        return d1.table(cell)
    squares = separate({GATE: 2.0, "coef": 2.0}, each=BY_CLASS)
    return (*squares, Term(("probability",), 1.0, of_mean=True))
