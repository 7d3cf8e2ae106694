r"""Choosing the number of experts from one fit: merge its atoms, nearest pair first.

A fit with K experts, more than are needed, is merged down to one expert. The dissimilarity at
which :math:`\kappa` experts become :math:`\kappa-1` is :math:`d^{(\kappa)}`, and
:math:`\bar\ell^{(\kappa)}` the mean log-likelihood, in nats, of the merged measure with
:math:`\kappa` atoms, which is not fitted again. The criterion

.. math:: \mathrm{DSC}(\kappa)=-\{d^{(\kappa)}+\log n\cdot\bar\ell^{(\kappa)}\},
          \qquad\kappa=2,\dots,K,

is smallest where merging on would join experts that are far apart and cost likelihood. One expert
has no merge below it and no :math:`d^{(1)}`: it cannot be selected, as in the source.

References
----------
.. [1] arXiv:2510.12744 (softmax-gated), criterion and dissimilarity as its code has them.
.. [2] arXiv:2505.13052 (Gaussian-gated) and arXiv:2403.01684 (mixtures), abstracts only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mixexp.models.measure import MixingMeasure
from mixexp.selection.dendrogram_caveats import caveats, misfits
from mixexp.selection.dendrogram_data import data_of
from mixexp.selection.dendrogram_errors import CannotMergeError
from mixexp.selection.dissimilarity import Units, dissimilarity
from mixexp.selection.merging import merge_atoms

if TYPE_CHECKING:
    import pandas

Array = NDArray[np.float64]
Group = tuple[int, ...]


class Merge(NamedTuple):
    """Two groups of atoms of the original fit, and the dissimilarity at which they were joined."""

    first: Group
    second: Group
    height: float


@dataclass(frozen=True, eq=False, repr=False)
class Dendrogram:
    """Merges of a fitted measure, and what they say about the number of experts.

    Built by :func:`dendrogram`; ``mixexp.plotting.plot_dendrogram`` draws it.

    Attributes
    ----------
    measures : dict of int to MixingMeasure
        The measure with each number of atoms, K down to 1.
    merges : list of Merge
        From first to last; ``merges[m]`` leaves K - 1 - m atoms.
    loglik : dict of int to float
        Total log-likelihood of each measure, nats.
    shares : array (K,)
        Probabilities of the atoms of the fit.
    n : int
        Number of rows.
    notes : tuple of str
        Further caveats, of the measures.
    """

    measures: dict[int, MixingMeasure]
    merges: list[Merge]
    loglik: dict[int, float]
    shares: Array
    n: int
    notes: tuple[str, ...] = ()

    @property
    def n_experts(self) -> int:
        """Number K of experts of the fit."""
        return len(self.shares)

    @property
    def heights(self) -> dict[int, float]:
        """Dissimilarity d at which each number of experts becomes one fewer; none for one."""
        k = self.n_experts
        return {k - m: merge.height for m, merge in enumerate(self.merges)}

    @property
    def criterion(self) -> dict[int, float]:
        """DSC of 2 to K experts; smaller is better."""
        rate = np.log(self.n) / self.n
        return {k: -(d + rate * self.loglik[k]) for k, d in self.heights.items()}

    @property
    def selected(self) -> int:
        """Number of experts with the smallest criterion; the fewest of equal ones."""
        found = self.criterion
        return min(sorted(found), key=lambda k: found[k])

    @property
    def caveats(self) -> tuple[str, ...]:
        """What to keep in mind about this choice, in words."""
        heights = [merge.height for merge in self.merges]
        measure = self.measures[self.n_experts]
        return (*self.notes, *caveats(measure, self.shares, heights, self.selected, self.n))

    def to_frame(self) -> pandas.DataFrame:
        """One row for each number of experts: log-likelihood, height, criterion, selected."""
        import pandas

        rows = [
            {
                "n_experts": k,
                "loglik": self.loglik[k],
                "height": self.heights.get(k, np.nan),
                "criterion": self.criterion.get(k, np.nan),
                "selected": k == self.selected,
            }
            for k in sorted(self.measures)
        ]
        return pandas.DataFrame(rows)

    def summary(self) -> str:
        """The merges, the criterion and the caveats as text."""
        lines = [
            f"Dendrogram of {self.n_experts} experts, n = {self.n}: {self.selected} selected",
            "experts       loglik        height     criterion",
        ]
        for row in self.to_frame().itertuples():
            mark = "  <" if row.selected else ""
            lines.append(
                f"{row.n_experts:7d} {row.loglik:12.4f} {_cell(row.height)} "
                f"{_cell(row.criterion)}{mark}"
            )
        lines += [f"{_words(m.first)} + {_words(m.second)} at {m.height:.4g}" for m in self.merges]
        return "\n".join([*lines, *(f"Note: {text}" for text in self.caveats)])

    def __repr__(self) -> str:
        return f"<Dendrogram of {self.n_experts} experts: {self.selected} selected>"


def dendrogram(
    measure: MixingMeasure,
    loglik: Callable[[MixingMeasure], float],
    n: int,
    *,
    second_moment: ArrayLike | None = None,
    share: ArrayLike | None = None,
    units: Units | None = None,
) -> Dendrogram:
    """Merge the atoms of a fitted measure down to one.

    Parameters
    ----------
    measure : MixingMeasure
        A fit with K >= 2 atoms.
    loglik : callable
        From a measure of the same model to its total log-likelihood of the data, nats.
    n : int
        Number of rows, at least 2.
    second_moment : array (1 + q, 1 + q), optional
        As for :func:`~mixexp.selection.merging.merge_atoms`.
    share : array (K,), optional
        Probabilities of the experts, for dissimilarities and averages; by default the normalised
        weights.
    units : Units, optional
        For the dissimilarity; by default the blocks are compared as they are.

    Raises
    ------
    CannotMergeError
        If there is one atom only, n is below 2, or the log-likelihood of a measure is not finite or
        cannot be computed. It is a ValueError.

    Examples
    --------
    >>> G = MixingMeasure([1.0, 1.0, 2.0], {"gate_coef": [[0.0], [0.0], [0.0]],
    ...     "coef": [[0.0], [0.0], [0.0]], "intercept": [0.0, 0.2, 5.0],
    ...     "variance": [1.0, 1.0, 1.0]})
    >>> tree = dendrogram(G, lambda m: -150.0 - 100.0 * (m.n_atoms == 1), n=100)
    >>> tree.merges
    [Merge(first=(0,), second=(1,), height=0.005), Merge(first=(0, 1), second=(2,), height=6.0025)]
    >>> tree.selected
    2
    """
    if measure.n_atoms < 2 or n < 2:
        raise CannotMergeError(
            f"the measure has {measure.n_atoms} atom(s) and n={n}; merging needs a fit of two "
            "experts or more, and its number of rows"
        )
    shares = measure.normalized().weight if share is None else np.asarray(share, dtype=float)
    groups: list[Group] = [(i,) for i in range(measure.n_atoms)]
    measures, merges, current, part = {measure.n_atoms: measure}, [], measure, shares
    while len(groups) > 1:
        i, j, height = _nearest(dissimilarity(current, share=part, units=units))
        merges.append(Merge(groups[i], groups[j], height))
        given = None if share is None else part
        current = merge_atoms(current, (i, j), second_moment=second_moment, share=given)
        groups[i] = tuple(sorted(groups[i] + groups[j]))
        del groups[j]
        part = np.array([shares[list(group)].sum() for group in groups])
        measures[len(groups)] = current
    values = {k: _evaluated(loglik, m) for k, m in measures.items()}
    return Dendrogram(measures, merges, values, shares, int(n))


def dendrogram_of(
    estimator: Any, X: ArrayLike, y: ArrayLike, *, standardize: bool = True, between: bool = True
) -> Dendrogram:
    """The dendrogram of a fitted estimator on the data X, y.

    Parameters
    ----------
    estimator : object
        Fitted, with ``model_``, ``measure_``, ``gate_proba(X)`` and
        ``measure_loglik(measure, X, y)``, the total log-likelihood of any measure of its kind.
        Gaussian gates should have been fitted by the joint likelihood: under the conditional one
        their means and covariances, which merges use, are a convention that depends on the origin
        of x.
    X, y : arrays
        The data of the fit.
    standardize : bool
        Dissimilarities in units of the data; probabilities of experts averaged over the rows, for
        dissimilarities and for averages; softmax gates merged at the mean of their features. Units
        and the origin of x then do not decide, for Gaussian gates fitted by the joint likelihood
        and softmax gates, with or without a temperature. Gates that are not the same family at
        another origin (transformed, activation, top-K by score) are merged at x = 0. Derived here;
        the literature takes the parameters and the weights as they are.
    between : bool
        Count the spread of the means in merged variances. Derived here; the literature does not.

    Returns
    -------
    Dendrogram
        Measures are on the user's scale, with the covariances that merging gives them, whatever
        structure the fit had; ``loglik`` is theirs. Where weights are too small to be numbers a
        measure has the block ``gate_log_weight`` with their logarithms.

    Raises
    ------
    CannotMergeError
        If the estimator cannot evaluate measures, or its atoms cannot be merged.

    See Also
    --------
    dendrogram : for any log-likelihood.
    """
    data = data_of(estimator, X, y, standardize=standardize, between=between)
    tree = dendrogram(
        data.measure, data.loglik, data.n, second_moment=data.second_moment, share=data.share,
        units=data.units,
    )  # fmt: skip
    measures = {k: data.on_user_scale(measure) for k, measure in tree.measures.items()}
    said = misfits(estimator, measures[tree.n_experts], tree.loglik[tree.n_experts], X, y)
    return replace(tree, measures=measures, notes=said)


def _nearest(distance: Array) -> tuple[int, int, float]:
    """The pair of rows with the smallest entry above the diagonal, and that entry."""
    i, j = np.triu_indices(len(distance), 1)
    best = int(np.argmin(distance[i, j]))
    return int(i[best]), int(j[best]), float(distance[i[best], j[best]])


def _evaluated(loglik: Callable[[MixingMeasure], float], measure: MixingMeasure) -> float:
    try:
        value = float(loglik(measure))
    except ValueError as error:
        raise CannotMergeError(
            f"the measure merged to {measure.n_atoms} atoms cannot be evaluated: {error}"
        ) from error
    if not np.isfinite(value):
        raise CannotMergeError(
            f"loglik of the measure merged to {measure.n_atoms} atoms is {value}; it must be "
            "finite: does the callable evaluate the same model?"
        )
    return value


def _cell(value: float) -> str:
    return f"{value:13.4f}" if np.isfinite(value) else f"{'-':>13}"


def _words(group: Group) -> str:
    return "{" + ", ".join(map(str, group)) + "}"
