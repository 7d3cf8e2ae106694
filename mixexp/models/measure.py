"""Mixing measures: what a mixture of experts is once its labels are forgotten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment

if TYPE_CHECKING:
    import pandas

GATE_PREFIX = "gate"
"""Blocks named ``gate...`` belong to the gate, all others to the expert."""


@dataclass(frozen=True, eq=False)
class MixingMeasure:
    r"""A finite mixing measure :math:`G=\sum_{i=1}^{K}e^{\beta_{0i}}\,\delta_{\theta_i}`.

    The atoms :math:`\theta_i` are stored in named blocks, one row per expert. The softmax-gated
    Gaussian mixture of experts uses ``gate_coef`` (:math:`\beta_1`), ``coef`` (:math:`a`, all
    non-constant terms of the mean), ``intercept`` (:math:`b`) and ``variance`` (:math:`\sigma`,
    a variance). Arrays are copied and read-only; every method returns a new measure.

    Parameters
    ----------
    weight : array of shape (K,)
        Positive masses :math:`e^{\beta_{0i}}`; they need not sum to one.
    atoms : mapping of str to array of shape (K, ...)
        Blocks of parameters, in their own units. Names that begin with ``gate`` mark gate
        parameters.

    Raises
    ------
    ValueError
        If a weight is not positive and finite, a block has not K rows or holds a value that is
        not finite, or there is no atom at all.

    References
    ----------
    .. [1] Nguyen, H., Nguyen, T. and Ho, N. (2023). Demystifying softmax gating function in
       Gaussian mixture of experts. arXiv:2305.03288, section 1 (the measure G).

    Examples
    --------
    >>> G = MixingMeasure([1.0, 3.0], {"gate_coef": [[2.0], [0.0]], "intercept": [2.0, -2.0]})
    >>> G.normalized().weight
    array([0.25, 0.75])
    >>> G.split(0, [0.5, 0.5]).n_atoms
    3
    >>> G.translate(0.0, [1.0])["gate_coef"].ravel()
    array([3., 1.])
    """

    weight: np.ndarray
    atoms: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        weight = _read_only(self.weight, "weight")
        if weight.ndim != 1 or weight.size == 0:
            raise ValueError(
                f"weight has shape {weight.shape}; give one weight per atom, shape (K,) with K >= 1"
            )
        if np.any(weight <= 0):
            raise ValueError(f"weight must be positive, got {weight}; drop atoms of weight zero")
        if "weight" in self.atoms:
            raise ValueError("atoms has a block named 'weight', a reserved name; rename the block")
        atoms = {name: _read_only(block, name) for name, block in self.atoms.items()}
        for name, block in atoms.items():
            if block.ndim == 0 or len(block) != len(weight):
                raise ValueError(
                    f"atoms[{name!r}] has shape {block.shape}; its first axis must index the "
                    f"{len(weight)} atoms"
                )
        object.__setattr__(self, "weight", weight)
        object.__setattr__(self, "atoms", MappingProxyType(atoms))

    def __reduce__(self) -> tuple:
        # A mapping proxy cannot be pickled, and pickled arrays come back writable.
        return type(self), (self.weight, dict(self.atoms))

    def __getitem__(self, name: str) -> np.ndarray:
        """Block ``name``, an array of shape (K, ...)."""
        if name not in self.atoms:
            raise KeyError(f"no block {name!r}; this measure has {sorted(self.atoms)}")
        return self.atoms[name]

    def __eq__(self, other: object) -> bool:
        """Whether weights and blocks are the same numbers, in the same order."""
        if not isinstance(other, MixingMeasure):
            return NotImplemented
        return self.allclose(other, rtol=0.0, atol=0.0)

    __hash__ = None  # type: ignore[assignment]

    @property
    def n_atoms(self) -> int:
        """Number K of atoms, copies counted."""
        return len(self.weight)

    @property
    def expert_blocks(self) -> tuple[str, ...]:
        """Names of the blocks that belong to the experts."""
        return tuple(name for name in self.atoms if not name.startswith(GATE_PREFIX))

    def allclose(self, other: MixingMeasure, rtol: float = 1e-10, atol: float = 1e-12) -> bool:
        """Whether two measures agree block by block, atom by atom, to the given tolerances.

        Examples
        --------
        >>> G = MixingMeasure([1.0, 2.0], {"intercept": [0.0, 1.0]})
        >>> G.allclose(G.take([1, 0])), G.allclose(G.take([1, 0]).align(G))
        (False, True)
        """
        if self.n_atoms != other.n_atoms or set(self.atoms) != set(other.atoms):
            return False
        pairs = [(self.weight, other.weight), *((self[name], other[name]) for name in self.atoms)]
        return all(a.shape == b.shape and np.allclose(a, b, rtol, atol) for a, b in pairs)

    def flat(self, names: Sequence[str]) -> np.ndarray:
        """Rows of the named blocks side by side, shape (K, total width)."""
        blocks = [self[name].reshape(self.n_atoms, -1) for name in names]
        return np.hstack(blocks) if blocks else np.empty((self.n_atoms, 0))

    def normalized(self) -> MixingMeasure:
        """The same atoms with weights that sum to one."""
        return MixingMeasure(self.weight / self.weight.sum(), self.atoms)

    def take(self, indices: ArrayLike) -> MixingMeasure:
        """The atoms at ``indices`` (a subset or a permutation), weights unchanged."""
        rows = np.arange(self.n_atoms)[np.asarray(indices)]
        return MixingMeasure(self.weight[rows], {name: self[name][rows] for name in self.atoms})

    def merge(self, groups: Sequence[Sequence[int]]) -> MixingMeasure:
        r"""Replace each group of atoms by its barycentre.

        Weight :math:`W_g=\sum_{i\in g}w_i`, atom :math:`W_g^{-1}\sum_{i\in g}w_i\theta_i`. Equal
        atoms merge without rounding.

        Parameters
        ----------
        groups : sequence of sequences of int
            A partition of ``range(K)``; group g becomes atom g.

        Raises
        ------
        ValueError
            If the groups do not hold every atom exactly once.

        Examples
        --------
        >>> G = MixingMeasure([1.0, 3.0, 1.0], {"intercept": [0.0, 4.0, 9.0]})
        >>> G.merge([[0, 1], [2]])["intercept"]
        array([3., 9.])
        """
        parts = [list(group) for group in groups]
        members = [i for part in parts for i in part]
        if sorted(members) != list(range(self.n_atoms)) or not all(parts):
            raise ValueError(
                f"groups must hold each of 0..{self.n_atoms - 1} once and none may be empty, "
                f"got {groups}"
            )
        weight = np.array([self.weight[part].sum() for part in parts])
        atoms = {
            name: np.array([_barycentre(self.weight[part], block[part]) for part in parts])
            for name, block in self.atoms.items()
        }
        return MixingMeasure(weight, atoms)

    def split(self, index: int, fractions: Sequence[float]) -> MixingMeasure:
        """Replace atom ``index`` by copies that share its weight; the density does not change.

        Parameters
        ----------
        index : int
            Atom to split; its copies take its place in the order.
        fractions : sequence of float
            Positive shares of the weight, one per copy, with sum one.

        Raises
        ------
        ValueError
            If the fractions are not positive or do not sum to one.
        """
        shares = np.asarray(fractions, dtype=float)
        if shares.ndim != 1 or not np.all(shares > 0) or abs(shares.sum() - 1) > 1e-9:
            raise ValueError(f"fractions must be positive and sum to one, got {fractions}")
        before, after = np.split(np.delete(np.arange(self.n_atoms), index), [index % self.n_atoms])
        copies = np.full(len(shares), index % self.n_atoms)
        parts = self.take(np.concatenate([before, copies, after]))
        factor = np.concatenate([np.ones(len(before)), shares, np.ones(len(after))])
        return MixingMeasure(parts.weight * factor, parts.atoms)

    def translate(self, intercept: float = 0.0, slope: ArrayLike = 0.0) -> MixingMeasure:
        r"""Shift the softmax gate: :math:`e^{\beta_{0i}+t_1}`, :math:`\beta_{1i}+t_2`.

        The conditional density does not change (Proposition 1 of the reference of the class).

        Parameters
        ----------
        intercept : float
            :math:`t_1`.
        slope : float or array of shape (d_gate,)
            :math:`t_2`.
        """
        atoms = {**self.atoms, "gate_coef": self["gate_coef"] + np.asarray(slope, dtype=float)}
        return MixingMeasure(self.weight * np.exp(intercept), atoms)

    def align(self, other: MixingMeasure) -> MixingMeasure:
        r"""Permute the atoms to match another measure's.

        Minimises :math:`\sum_i\|\eta_{\pi(i)}-\eta'_i\|^2` over permutations :math:`\pi`, where
        :math:`\eta` holds the expert blocks; gate blocks are left out because a softmax gate is
        known up to translation only.

        Raises
        ------
        ValueError
            If the numbers of atoms differ.
        """
        if self.n_atoms != other.n_atoms:
            raise ValueError(
                f"other has {other.n_atoms} atoms, this measure {self.n_atoms}; merge atoms first "
                "or compare the measures by Voronoi cells"
            )
        names = other.expert_blocks
        difference = other.flat(names)[:, None] - self.flat(names)[None]
        return self.take(linear_sum_assignment(np.sum(difference**2, axis=-1))[1])

    def to_frame(self) -> pandas.DataFrame:
        """A table with one row per atom and one column per coordinate."""
        import pandas

        columns = {"weight": self.weight}
        for name, block in self.atoms.items():
            for where in np.ndindex(block.shape[1:]):
                label = f"{name}[{','.join(map(str, where))}]" if where else name
                columns[label] = block[(slice(None), *where)]
        return pandas.DataFrame(columns)


def _read_only(values: ArrayLike, name: str) -> np.ndarray:
    array = np.array(values, dtype=float)
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name} holds values that are not finite: {array}")
    array.flags.writeable = False
    return array


def _barycentre(weight: np.ndarray, rows: np.ndarray) -> np.ndarray:
    # Anchored at the first row, so that copies of one atom average to exactly that atom.
    return rows[0] + np.tensordot(weight, rows - rows[0], axes=1) / weight.sum()
