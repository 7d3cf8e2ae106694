"""The Gaussian gate under the conditional likelihood."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from mixexp.models.basis import CONSTANT, Affine, Basis, Monomials
from mixexp.models.coordinates import Coordinate, Sharing
from mixexp.models.covariances import Covariance, Full
from mixexp.models.gates._base import Array
from mixexp.models.gates._linear import LinearGate
from mixexp.models.quadratic_basis import Quadratic, Sphere

# Logits of this size, in nats, leave weights that are numbers.
_MODERATE = 30.0
# Gauss-Newton steps to a point where logits are.
_STEPS = 20


class GaussianGateParams(NamedTuple):
    """Log-weights log π (K,), up to a constant; means c (K, d) and covariances Γ (K, d, d)."""

    log_weight: Array
    mean: Array
    covariance: Array

    @property
    def weight(self) -> Array:
        """Weights π (K,), normalised to one."""
        weight = np.exp(self.log_weight - self.log_weight.max())
        return weight / weight.sum()


class GaussianGate(LinearGate):
    r"""Gaussian gate, π_k(x) = π_k N(x; c_k, Γ_k) / Σ_l π_l N(x; c_l, Γ_l).

    Under the conditional likelihood only ratios of the π_k N(x; c_k, Γ_k) matter: a common factor
    exp(a + bᵀx - ½ xᵀCx) changes nothing. So the logits are contrasts with the last expert, linear
    in 1, x and the products of x that Γ⁻¹ has entries for, and what is reported is one of many
    Gaussian gates of the same law. Full covariances give the softmax gate of degree 2, a shared
    covariance the softmax gate of degree 1.

    The reported one has :math:`\sum_k\Gamma_k^{-1}(c_k-x_0)=0` about a point x0 where logits are
    moderate (the origin of x, if they are within 30 nats there), so that the weights are numbers;
    and :math:`\Gamma_k^{-1}=E\{(1+2\rho)I+R_k\}E`, where :math:`ER_kE` are -2 times the quadratic
    parts of the logits less their mean over the experts, :math:`\rho` is the largest absolute
    eigenvalue of the R, and E is the diagonal matrix (a multiple of I for isotropic covariances) of
    :math:`e_j^2=\max_k|(ER_kE)_{jj}|+\max_k\beta_{kj}^2/(1+\max_k|\alpha_k|)`, with values α and
    slopes β of the logits at x0 less their means. All covariances are positive definite, with a
    condition number in the metric of E of at most K + 1.

    Parameters
    ----------
    covariance : Covariance, optional
        The structure of Γ; :class:`~mixexp.models.covariances.Full` by default. Isotropic ones are
        so on the user's scale.

    Raises
    ------
    ValueError
        For covariances of equal volume, which the common factor does not leave equal, and for
        partitions that differ between experts.

    References
    ----------
    Xu, Jordan & Hinton (1995), An alternative model for mixtures of experts, NeurIPS 7, for the
    gate, fitted there by the joint likelihood.

    Examples
    --------
    >>> from mixexp.models.covariances import Diagonal
    >>> [GaussianGate(c).coordinates((0, 1))[0].basis.n_terms for c in (None, Diagonal())]
    [6, 5]
    """

    def __init__(self, covariance: Covariance | None = None):
        self.covariance = covariance

    @property
    def structure(self) -> Covariance:
        """The structure of the covariances."""
        return Full() if self.covariance is None else self.covariance

    def check(self, n_experts: int) -> None:
        if self.structure.sharing == "volume":
            raise ValueError(
                f"covariance={self.covariance!r} of a Gaussian gate: equal volumes are no "
                "restriction that the conditional likelihood can see, because a common factor "
                "changes them; use sharing='expert' or 'shared'"
            )

    def coordinates(
        self, columns: tuple[int, ...], affine: Affine | None = None
    ) -> tuple[Coordinate, ...]:
        return (Coordinate("gate", self._basis(columns, affine), Sharing.CONTRAST, box="gate"),)

    def _basis(self, columns: tuple[int, ...], affine: Affine | None) -> Basis:
        if not columns:
            return CONSTANT
        if self.structure.sharing == "shared":
            return Monomials(columns, 1)
        if self.structure.isotropic:
            return Sphere.of_user(columns, affine)
        pairs = self._pairs(len(columns))
        if len(pairs) == len(columns) * (len(columns) + 1) // 2:
            return Monomials(columns, 2)
        return Quadratic(columns, tuple((columns[i], columns[j]) for i, j in pairs))

    def _pairs(self, dim: int) -> list[tuple[int, int]]:
        """Entries (i, j), i <= j, of the precisions, in the order of the terms."""
        try:
            self.structure.check(dim, 1)
            blocks = self.structure.blocks(dim, 1)[0]
        except ValueError as error:
            raise ValueError(
                f"covariance={self.covariance!r} does not fit a Gaussian gate of {dim} columns: "
                f"{error}. All experts have one partition of the gate's columns"
            ) from error
        return [(i, j) for i in range(dim) for b in blocks if i in b for j in b if i <= j]

    def findings(self, n_experts: int) -> tuple[str, ...]:
        return (
            "means and covariances of the Gaussian gate are known only up to a factor exp(a + b'x "
            "- x'Cx/2) that all experts have in common: the conditional likelihood sees ratios of "
            "the gate's densities, and those reported are one choice among many of the same law",
        )

    def _dim(self, n_terms: int) -> int:
        """Number of columns behind a number of terms."""
        if n_terms == 1 or self.structure.sharing == "shared":
            return n_terms - 1
        if self.structure.isotropic:
            return n_terms - 2
        for dim in range(1, n_terms):
            try:
                if 1 + dim + len(self._pairs(dim)) == n_terms:
                    return dim
            except ValueError:
                # A partition of another number of columns.
                continue
        raise ValueError(
            f"coefficients of {n_terms} terms are not those of a Gaussian gate with "
            f"covariance={self.covariance!r}"
        )

    def _quadratic(self, table: Array, dim: int) -> Array:
        """-2 times the matrices of the quadratic parts, (K, d, d)."""
        found = np.zeros((len(table), dim, dim))
        rest = table[:, 1 + dim :]
        if self.structure.isotropic and rest.shape[1]:
            found += -2.0 * rest[:, :, None] * np.eye(dim)
        elif rest.shape[1]:
            for column, (i, j) in zip(rest.T, self._pairs(dim), strict=True):
                found[:, i, j] -= (1.0 + (i == j)) * column
                found[:, j, i] = found[:, i, j]
        return found

    def to_params(self, coefficients: list[Array]) -> GaussianGateParams:
        (table,) = coefficients
        dim = self._dim(table.shape[1])
        height = table[:, 0] - table[:, 0].mean()
        slope = table[:, 1 : 1 + dim] - table[:, 1 : 1 + dim].mean(axis=0)
        quadratic = self._quadratic(table, dim)
        quadratic = quadratic - quadratic.mean(axis=0)
        center = _center(height, slope, quadratic)
        height, slope = _at(center, height, slope, quadratic)
        steepness = (slope**2).max(axis=0) / (1.0 + float(np.abs(height).max()))
        precision = self._precisions(quadratic, steepness)
        covariance: Array = np.asarray(np.linalg.inv(precision), dtype=float)
        covariance = 0.5 * (covariance + np.swapaxes(covariance, 1, 2))
        shift = np.einsum("kij,kj->ki", covariance, slope)
        constant = 0.5 * np.einsum("ki,ki->k", slope, shift)
        log_weight = height + constant - 0.5 * np.linalg.slogdet(precision)[1]
        return GaussianGateParams(log_weight - log_weight.max(), center + shift, covariance)

    def _precisions(self, quadratic: Array, steepness: Array) -> Array:
        """Precisions (K, d, d) for quadratic parts of mean zero, and what slopes add to e² (d,)."""
        dim = len(steepness)
        size = np.abs(np.einsum("kjj->kj", quadratic)).max(axis=0) + steepness
        if self.structure.isotropic and dim:
            size[:] = size.max()
        unit = np.sqrt(np.where(size > 0.0, size, 1.0))
        outer = unit[:, None] * unit
        relative = quadratic / outer
        radius = float(np.abs(np.linalg.eigvalsh(relative)).max(initial=0.0))
        return outer * ((1.0 + 2.0 * radius) * np.eye(dim) + relative)

    def from_params(self, params: GaussianGateParams) -> list[Array]:
        mean = np.asarray(params.mean, dtype=float)
        dim = mean.shape[1]
        dense = np.asarray(params.covariance, dtype=float)
        if dim:
            # Parameters outside the class are projected on it.
            dense = self.structure.of(dense).dense()
        precision = np.linalg.inv(dense)
        slope = np.einsum("kij,kj->ki", precision, mean)
        constant = np.asarray(params.log_weight) + 0.5 * np.linalg.slogdet(precision)[1]
        constant = constant - 0.5 * np.einsum("ki,ki->k", slope, mean)
        columns = [constant, *slope.T]
        if dim and self.structure.sharing != "shared":
            if self.structure.isotropic:
                columns.append(-0.5 * precision[:, 0, 0])
            else:
                pairs = self._pairs(dim)
                columns += [-precision[:, i, j] / (1.0 + (i == j)) for i, j in pairs]
        table = np.column_stack(columns)
        return [table - table[-1]]

    def log_weights(self, coefficients: list[Array]) -> Array:
        return self.to_params(coefficients).log_weight

    def blocks(self, params: GaussianGateParams) -> dict[str, Array]:
        # The weights of the measure are those of the representative.
        chosen = self.to_params(self.from_params(params))
        return {"gate_mean": chosen.mean, "gate_covariance": chosen.covariance}

    def from_atoms(self, weight: Array, atoms: Mapping[str, Array]) -> GaussianGateParams:
        mean, covariance = (np.asarray(atoms[f"gate_{name}"]) for name in ("mean", "covariance"))
        return GaussianGateParams(np.log(weight), mean, covariance)


def _at(x: Array, height: Array, slope: Array, quadratic: Array) -> tuple[Array, Array]:
    """Values (K,) and slopes (K, d) at x of the functions α + βᵀx - ½ xᵀQx."""
    curved = quadratic @ x
    return height + slope @ x - 0.5 * curved @ x, slope - curved


def _center(height: Array, slope: Array, quadratic: Array) -> Array:
    """The point the reported parameters are centred at: the origin where logits are moderate there.

    Otherwise a point where they are, if one is found: where slopes vanish, or where Gauss-Newton
    steps lead. Of several the one at which least is lost to rounding.
    """
    origin = np.zeros(slope.shape[1])
    if np.abs(height).max() <= _MODERATE:
        return origin
    flat = np.abs(np.einsum("kjj->kj", quadratic)).max(axis=0)
    unit = np.sqrt((slope**2).max(axis=0) + flat)
    unit = np.where(unit > 0.0, unit, 1.0)
    stacked = (quadratic / unit).reshape(-1, len(unit)) / np.tile(unit, len(slope))[:, None]
    still = np.linalg.lstsq(stacked, (slope / unit).ravel(), rcond=1e-6)[0] / unit
    found = []
    for start in (still, origin):
        near = _crossing(start, unit, height, slope, quadratic)
        for x in (start, near):
            there, ahead = _at(x, height, slope, quadratic)
            size = float(np.abs(there).max())
            lost = float(((flat + (ahead**2).max(axis=0) / (1.0 + size)) * x**2).max())
            found.append((max(size, _MODERATE), lost, x))
    return min(found, key=lambda each: each[:2])[2]


def _crossing(x: Array, unit: Array, height: Array, slope: Array, quadratic: Array) -> Array:
    """A point near x where all functions are small: Gauss-Newton for the sum of their squares."""
    value, gradient = _at(x, height, slope, quadratic)
    for _ in range(_STEPS):
        step = -np.linalg.lstsq(gradient / unit, value, rcond=1e-6)[0] / unit
        for fraction in 0.5 ** np.arange(10.0):
            there, ahead = _at(x + fraction * step, height, slope, quadratic)
            if there @ there < value @ value:
                break
        else:
            break
        x, value, gradient = x + fraction * step, there, ahead
    return x
