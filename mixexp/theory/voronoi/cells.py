r"""Voronoi cells: which fitted atoms estimate which true atom.

.. math:: A_j=\{i:\ \|\eta_i-\eta_j^*\|\le\|\eta_i-\eta_\ell^*\|\ \text{for all }\ell\},
          \qquad \eta=(a,b,\sigma).

The cells do the matching, so no permutation has to be searched. With the expert's parameters
alone they do not change when the gate is translated. Cells by all parameters,
:math:`\eta=(\beta_1-t_2,a,b,\sigma)`, do so only after the fitted gate has been aligned by a
shift :math:`t_2`. An atom on the border of two cells is counted once, for the first of them.

Some papers measure by the sum of the norms of the blocks in place of the joint norm. And where the
parameters depend on a choice of origin, every true atom may be given its own coordinates: then all
distances to it are taken in these.

References
----------
.. [1] Nguyen, H., Nguyen, T. and Ho, N. (2023). Demystifying softmax gating function in Gaussian
   mixture of experts. arXiv:2305.03288, section 2.1 (cells by a, b and sigma).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from mixexp.models.measure import MixingMeasure

Around = Callable[[MixingMeasure, MixingMeasure], MixingMeasure]
"""From a measure and one atom of the truth to the measure in coordinates of that atom."""


def distinct(
    measure: MixingMeasure, names: tuple[str, ...] | None = None
) -> tuple[MixingMeasure, np.ndarray]:
    """Merge atoms that are equal, so that an atom is a point of the support of the measure.

    Parameters
    ----------
    measure : MixingMeasure
    names : tuple of str, optional
        Blocks that decide what is equal; by default all.

    Returns
    -------
    support : MixingMeasure
        One atom per support point, in the order of first appearance, weights summed.
    point : int array of shape (K,)
        The support point of each atom.

    Examples
    --------
    >>> G = MixingMeasure([1.0, 2.0, 3.0], {"intercept": [5.0, 0.0, 5.0]})
    >>> support, point = distinct(G)
    >>> support.weight, point
    (array([4., 2.]), array([0, 1, 0]))
    """
    rows = measure.flat(tuple(measure.atoms) if names is None else names)
    _, first, label = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    point = np.argsort(np.argsort(first))[label.ravel()]
    groups = [np.flatnonzero(point == g).tolist() for g in range(len(first))]
    return measure.merge(groups), point


@dataclass(frozen=True)
class Partition:
    """Atoms of a fitted measure in the Voronoi cells of the true one.

    Build it with :func:`voronoi_partition`. Both measures have total weight one, atoms that are
    equal are merged, and the k atoms of ``fitted`` carry the ``label`` of their true atom.

    Parameters
    ----------
    fitted, truth : MixingMeasure
        Normalised measures with k and k* distinct atoms.
    point : int array
        The atom of ``fitted`` that each atom given by the user became.
    label : int array of shape (k,)
        The true atom j whose cell holds atom i.
    """

    fitted: MixingMeasure
    truth: MixingMeasure
    point: np.ndarray
    label: np.ndarray

    @property
    def size(self) -> np.ndarray:
        r"""Number :math:`|A_j|` of distinct fitted atoms in each cell, shape (k*,)."""
        return np.bincount(self.label, minlength=self.truth.n_atoms)

    @property
    def mass(self) -> np.ndarray:
        """Fitted weight in each cell, shape (k*,)."""
        return np.bincount(self.label, self.fitted.weight, minlength=self.truth.n_atoms)

    @property
    def cells(self) -> tuple[np.ndarray, ...]:
        """Indices of the atoms in each cell, in the user's numbering."""
        label = self.label[self.point]
        return tuple(np.flatnonzero(label == j) for j in range(self.truth.n_atoms))

    @cached_property
    def difference(self) -> dict[str, np.ndarray]:
        """Fitted minus true parameter for every atom: block name to array (k, width)."""
        return {
            name: self.fitted.flat([name]) - self.truth.flat([name])[self.label]
            for name in self.truth.atoms
        }

    def aligned(self, slope: ArrayLike) -> Partition:
        """The same cells, with ``gate_coef`` of the fit moved by minus ``slope``."""
        moved = self.fitted.translate(slope=-np.asarray(slope, dtype=float))
        return replace(self, fitted=moved)

    def distance(self, names: tuple[str, ...]) -> np.ndarray:
        """Joint Euclidean norm of the differences in the named blocks, shape (k,)."""
        parts = [np.zeros((len(self.label), 1)), *(self.difference[name] for name in names)]
        return np.linalg.norm(np.hstack(parts), axis=1)


def voronoi_partition(
    fitted: MixingMeasure,
    truth: MixingMeasure,
    slope: ArrayLike | None = None,
    *,
    cells_by: tuple[str, ...] | None = None,
    points_by: tuple[str, ...] | None = None,
    summed: bool = False,
    around: Around | None = None,
) -> Partition:
    r"""Normalise two measures, merge equal atoms and find the Voronoi cells.

    Parameters
    ----------
    fitted, truth : MixingMeasure
        Measures with the same blocks.
    slope : array of shape (d_gate,), optional
        If given, cells are by all parameters, after ``gate_coef`` of the fit is moved by
        :math:`-t_2`. By default cells are by the expert's parameters.
    cells_by : tuple of str, optional
        Blocks whose joint distance defines the cells, in place of these defaults.
    points_by : tuple of str, optional
        Blocks that decide which atoms are equal; by default all.
    summed : bool
        Cells by the sum of the norms of the blocks, in place of their joint norm.
    around : callable, optional
        From a measure and an atom of the truth, as a measure, to the measure in coordinates of that
        atom; cells and differences are in these. By default one system of coordinates serves all.

    Raises
    ------
    ValueError
        If the blocks differ, or two true atoms have the same centre, so that the cells are not
        defined.

    Examples
    --------
    >>> truth = MixingMeasure([1.0, 1.0], {"gate_coef": [[2.0], [0.0]], "intercept": [2.0, -2.0]})
    >>> fitted = MixingMeasure(
    ...     [1.0, 2.0, 1.0], {"gate_coef": [[1.0], [0.0], [0.0]], "intercept": [-2.1, 2.1, -1.8]}
    ... )
    >>> [cell.tolist() for cell in voronoi_partition(fitted, truth).cells]
    [[1], [0, 2]]
    """
    _check_same_blocks(fitted, truth)
    support, point = distinct(fitted.normalized(), points_by)
    truth = distinct(truth.normalized(), points_by)[0]
    names = truth.expert_blocks if slope is None else tuple(truth.atoms)
    if cells_by is not None:
        names = cells_by
    moved = support if slope is None else support.translate(slope=-np.asarray(slope, dtype=float))
    centres = truth.flat(names)
    if len(np.unique(centres, axis=0)) < len(centres):
        kind = "expert parameters" if names == truth.expert_blocks else f"blocks {names}"
        raise ValueError(
            f"truth has different atoms with equal {kind}, which Voronoi cells cannot tell apart; "
            "use a truth whose atoms differ in them"
        )
    if around is None:
        return Partition(support, truth, point, _nearest(_distances(moved, truth, names, summed)))
    atoms = [truth.take([j]) for j in range(truth.n_atoms)]
    seen, centre = [around(moved, atom) for atom in atoms], [around(atom, atom) for atom in atoms]
    columns = [_distances(*pair, names, summed) for pair in zip(seen, centre, strict=True)]
    label = _nearest(np.hstack(columns))
    rows = [seen[j].take([i]) for i, j in enumerate(label)]
    return Partition(_joined(support, rows), _joined(truth, centre), point, label)


def _distances(
    fitted: MixingMeasure, truth: MixingMeasure, names: tuple[str, ...], summed: bool
) -> np.ndarray:
    """Squared joint norms of the differences of atoms, or sums of norms, shape (k, k*)."""

    def squared(of: tuple[str, ...]) -> np.ndarray:
        difference = fitted.flat(of)[:, None] - truth.flat(of)[None]
        return np.asarray(np.sum(difference**2, axis=-1))

    if not summed:
        return squared(names)
    return np.asarray(np.sum([np.sqrt(squared((name,))) for name in names], axis=0))


def _nearest(distance: np.ndarray) -> np.ndarray:
    return np.asarray(np.argmin(distance, axis=1))


def _joined(measure: MixingMeasure, rows: list[MixingMeasure]) -> MixingMeasure:
    """The weights of a measure with atoms given one by one."""
    blocks = {name: np.concatenate([row[name] for row in rows]) for name in measure.atoms}
    return MixingMeasure(measure.weight, blocks)


def _check_same_blocks(fitted: MixingMeasure, truth: MixingMeasure) -> None:
    for measure, other in ((fitted, truth), (truth, fitted)):
        for name, block in measure.atoms.items():
            shape = other.atoms[name].shape[1:] if name in other.atoms else None
            if shape != block.shape[1:]:
                raise ValueError(
                    f"block {name!r} has shape {block.shape[1:]} per atom in one measure and "
                    f"{shape} in the other; compare measures of the same model"
                )
