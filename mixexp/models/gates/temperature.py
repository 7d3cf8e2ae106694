"""The temperature (dense-to-sparse) gate: another gate's logits divided by a temperature."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from mixexp.models.basis import CONSTANT, Affine
from mixexp.models.coordinates import Coordinate, Sharing
from mixexp.models.gates._base import Array, Gate, Pieces, check_base
from mixexp.models.gates.softmax import Softmax


class TemperatureParams(NamedTuple):
    """Parameters of the gate inside, and the temperature τ that divides its logits."""

    base: Any
    temperature: float


class Temperature(Gate):
    """Dense-to-sparse gate, π_k(x) = exp(a_k(x) / τ) / Σ_l exp(a_l(x) / τ).

    a are the logits of ``base``. With a free τ and a base whose logits scale with their
    coefficients (softmax, transformed softmax, homogeneous activations) only β / τ is identified:
    (β0, β1, τ) and c (β0, β1, τ) are one law for every c > 0. Fits are certified modulo that
    direction: they are made at τ = 1, where the gate is its base, and report β / τ.

    Parameters
    ----------
    base : Gate, optional
        The gate whose logits are divided; :class:`Softmax` by default. With
        :class:`mixexp.models.Activation` it is the activation dense-to-sparse gate.
    tau : float, optional
        A fixed temperature; free by default.
    normalize : bool, default=True
        Whether parameters that are only identified up to scale are fitted and reported with τ = 1.
        With False the solver moves τ as well, and leaves the scale wherever it ends.

    Raises
    ------
    ValueError
        If ``tau`` is not a positive number.

    References
    ----------
    Nguyen, Akbarian & Ho (2024), arXiv 2401.13875.

    Examples
    --------
    >>> [c.name for c in Temperature().coordinates(columns=(0,))]
    ['gate', 'log-temperature']
    """

    def __init__(
        self, base: Gate | None = None, tau: float | None = None, *, normalize: bool = True
    ):
        self.base = base
        self.tau = tau
        self.normalize = normalize

    @property
    def _base(self) -> Gate:
        return Softmax() if self.base is None else self.base

    def check(self, n_experts: int) -> None:
        check_base(self._base, "temperature")
        number = isinstance(self.tau, Real) and not isinstance(self.tau, bool)
        if self.tau is not None and not (number and 0.0 < self.tau < np.inf):
            raise ValueError(f"tau={self.tau!r} must be a positive number, or None to estimate it")
        base = self._base
        base.check(n_experts)
        pieces = base.pieces(n_experts)
        if pieces is not None and pieces.jumps:
            raise ValueError(
                f"base={base!r} of a temperature gate is sparse; put the temperature inside, as in "
                "TopK(base=Temperature(...)), which is the same law"
            )

    def in_gauge(self) -> Temperature:
        if self._scale_free and self.normalize:
            return Temperature(self._base.in_gauge(), 1.0)
        return Temperature(self._base.in_gauge(), self.tau, normalize=self.normalize)

    def for_experts(self, n_experts: int) -> Temperature:
        return Temperature(self._base.for_experts(n_experts), self.tau, normalize=self.normalize)

    def coordinates(
        self, columns: tuple[int, ...], affine: Affine | None = None
    ) -> tuple[Coordinate, ...]:
        base = self._base.coordinates(columns, affine)
        if self.tau is not None:
            return base
        shared = Coordinate(
            "log-temperature", CONSTANT, Sharing.SHARED, box="temperature", by_row=False
        )
        return (*base, shared)

    def _split(self, tables: list[Array]) -> tuple[list[Array], float]:
        """Coefficients or predictors of the base, and τ."""
        if self.tau is not None:
            return tables, self.tau
        return tables[:-1], float(np.exp(tables[-1][0, 0]))

    def logits(self, predictors: list[Array], out: Array) -> Array:
        base, tau = self._split(predictors)
        return np.divide(self._base.logits(base, out), tau, out=out)

    def derivatives(self, predictors: list[Array], order: int, first: Array, second: Array) -> None:
        base, tau = self._split(predictors)
        n = len(base)
        inner = np.empty((n * (n + 1) // 2, *first.shape[1:]))
        self._base.derivatives(base, order, first[:n], inner)
        first[:n] /= tau
        if self.tau is None:
            first[n] = -self.logits(predictors, np.empty(first.shape[1:]))
        if order > 1:
            _second(inner / tau, first, second)

    def shift(self, coefficients: list[Array], expert: int, nats: float) -> None:
        base, tau = self._split(coefficients)
        self._base.shift(base, expert, tau * nats)

    def pieces(self, n_experts: int) -> Pieces | None:
        return self._base.pieces(n_experts)

    def homogeneity(self) -> tuple[float, ...] | None:
        inside = self._base.homogeneity()
        return inside if inside is None or self.tau is not None else (*inside, 0.0)

    @property
    def _scale_free(self) -> bool:
        return self.tau is None and self._base.homogeneity() is not None

    def tangents(self, coefficients: list[Array]) -> list[list[Array]]:
        base, _ = self._split(coefficients)
        still = [np.zeros_like(table) for table in coefficients[len(base) :]]
        found = [[*t, *still] for t in self._base.tangents(base)]
        exponents = self._base.homogeneity()
        if self.tau is None and exponents is not None:
            along = [h * table for h, table in zip(exponents, base, strict=True)]
            found.append([*along, np.ones((1, 1))])
        elif self.tau is None and len(base[0]) == 1:
            found.append([*(np.zeros_like(table) for table in base), np.ones((1, 1))])
        return found

    def findings(self, n_experts: int) -> tuple[str, ...]:
        found = self._base.findings(n_experts)
        if not self._scale_free:
            return found
        reported = "and leaves coefficients and temperature where the solver did"
        if self.normalize:
            reported = "which is taken out by fitting and reporting coefficients at temperature 1"
        return (
            *found,
            "the scale of the gate is not identified: dividing every coefficient and the "
            "temperature by one number changes nothing; the fit is certified modulo that "
            f"direction, {reported} (tau= fixes another)",
        )

    def to_params(self, coefficients: list[Array]) -> TemperatureParams:
        base, tau = self._split(coefficients)
        exponents = self._base.homogeneity()
        if self.normalize and self.tau is None and exponents is not None:
            base = [t / tau**h for t, h in zip(base, exponents, strict=True)]
            tau = 1.0
        return TemperatureParams(self._base.to_params(base), tau)

    def from_params(self, params: TemperatureParams) -> list[Array]:
        base = self._base.from_params(params.base)
        if self.tau is not None:
            if not np.isclose(params.temperature, self.tau, rtol=1e-9):
                raise ValueError(
                    f"temperature={params.temperature} of the parameters is not the gate's "
                    f"tau={self.tau}; rescale them, or leave tau free"
                )
            return base
        if not 0.0 < params.temperature < np.inf:
            raise ValueError(
                f"temperature={params.temperature} of the parameters must be a positive number"
            )
        return [*base, np.full((1, 1), np.log(params.temperature))]

    def log_weights(self, coefficients: list[Array]) -> Array:
        base, tau = self._split(coefficients)
        return self._base.log_weights(base) / tau

    def blocks(self, params: TemperatureParams) -> dict[str, Array]:
        blocks = self._base.blocks(params.base)
        n = len(next(iter(blocks.values())))
        return {**blocks, "gate_temperature": np.full(n, params.temperature)}

    def from_atoms(self, weight: Array, atoms: Mapping[str, Array]) -> TemperatureParams:
        tau = float(np.ravel(atoms["gate_temperature"])[0])
        even = self._base.from_atoms(np.ones_like(weight), atoms)
        coefficients = self._base.from_params(even)
        for k, nats in enumerate(np.log(weight)):
            self._base.shift(coefficients, k, tau * float(nats))
        return TemperatureParams(self._base.to_params(coefficients), tau)


def _second(inner: Array, first: Array, second: Array) -> None:
    """Second derivatives with log τ from those without; pairs in the order of a triangle."""
    n_base = len(inner) and int((np.sqrt(8 * len(inner) + 1) - 1) / 2)
    n = len(first)
    row, local = 0, 0
    for a in range(n):
        for b in range(a, n):
            if b < n_base:
                second[row] = inner[local]
                local += 1
            else:
                second[row] = -first[a]
            row += 1
