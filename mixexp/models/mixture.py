"""A mixture of experts: a gate and a family of experts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp._kernels.posterior import posterior
from mixexp.models.basis import Affine
from mixexp.models.experts import Expert
from mixexp.models.gates import Gate
from mixexp.models.layout import Layout
from mixexp.models.measure import MixingMeasure

Array = NDArray[np.float64]
_BLOCK = 4096


class MixtureParams(NamedTuple):
    """Parameters of a mixture of experts: the gate's and the experts'."""

    gate: Any
    expert: Any


@dataclass(frozen=True)
class MixtureOfExperts:
    """The conditional law p(y | x) = Σ_k π_k(x) f_k(y | x).

    Parameters
    ----------
    gate : Gate
    expert : Expert
    n_experts : int
        K, the number of experts.
    n_columns : int
        Number of columns of x.
    gate_columns, expert_columns : tuple of int, optional
        The columns each of the two sees; all of them by default.
    affine : Affine, optional
        How the columns the law is evaluated at came from the user's; see :meth:`on_scale`.

    Raises
    ------
    ValueError
        If the gate cannot serve this number of experts.

    Examples
    --------
    >>> from mixexp.models import Gaussian, GaussianParams, Softmax, SoftmaxParams
    >>> model = MixtureOfExperts(Softmax(), Gaussian(), n_experts=2, n_columns=1)
    >>> params = MixtureParams(
    ...     SoftmaxParams(np.array([0.0, 0.0]), np.array([[2.0], [0.0]])),
    ...     GaussianParams(np.array([2.0, -2.0]), np.array([[2.0], [-1.5]]), np.full(2, 0.25)),
    ... )
    >>> model.weights(params, np.array([[0.0], [1.0]])).round(2)
    array([[0.5 , 0.5 ],
           [0.88, 0.12]])
    >>> model.mean(params, np.array([[0.0], [1.0]])).round(1)
    array([0. , 3.1])
    """

    gate: Gate
    expert: Expert
    n_experts: int
    n_columns: int
    gate_columns: tuple[int, ...] | None = None
    expert_columns: tuple[int, ...] | None = None
    affine: Affine | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        self.gate.check(self.n_experts)

    def on_scale(self, affine: Affine) -> MixtureOfExperts:
        """The same law for columns that have been standardised by ``affine``.

        Most gates only get other coefficients, see :meth:`rescale`. Some are not free to: the map
        of a transformed gate acts on the user's x, and a score without intercept has its origin.
        """
        return replace(self, affine=affine)

    @property
    def columns(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The columns the gate and the experts see."""
        every = tuple(range(self.n_columns))
        gate = every if self.gate_columns is None else self.gate_columns
        expert = every if self.expert_columns is None else self.expert_columns
        return gate, expert

    @cached_property
    def layout(self) -> Layout:
        """How the free parameters are laid out in one vector."""
        gate, expert = self.columns
        affine = self.affine or Affine.identity(self.n_columns)
        coordinates = self.gate.coordinates(gate, affine), self.expert.coordinates(expert, affine)
        return Layout(*coordinates, self.n_experts)

    def coefficients(self, params: MixtureParams) -> list[Array]:
        """Parameters as one coefficient array for each local coordinate."""
        return [*self.gate.from_params(params.gate), *self.expert.from_params(params.expert)]

    def to_params(self, coefficients: list[Array]) -> MixtureParams:
        """The inverse of :meth:`coefficients`."""
        n = len(self.layout.gate)
        return MixtureParams(
            self.gate.to_params(coefficients[:n]), self.expert.to_params(coefficients[n:])
        )

    def rescale(self, coefficients: list[Array], affine: Affine) -> list[Array]:
        """Coefficients on the user's scale from those on the scale of ``affine``."""
        n = len(self.layout.gate)
        gate, expert = self.columns
        return [
            *self.gate.rescale(coefficients[:n], gate, affine),
            *self.expert.rescale(coefficients[n:], expert, affine),
        ]

    def invariant_directions(self, theta: Array) -> Array:
        """Orthonormal directions (P, m) at θ along which exact invariances leave the law alone."""
        layout = self.layout
        n = len(layout.gate)
        zeros = layout.coefficients(np.zeros(layout.n_free))[n:]
        moves = self.gate.tangents(layout.coefficients(theta)[:n])
        if not moves:
            return np.zeros((layout.n_free, 0))
        vectors = np.column_stack([layout.vector([*move, *zeros]) for move in moves])
        left, size, _ = np.linalg.svd(vectors, full_matrices=False)
        return left[:, size > 1e-12 * max(1.0, size.max(initial=0.0))]

    def measure(self, params: MixtureParams) -> MixingMeasure:
        """The mixing measure Σ_k exp(β0_k) δ_(β1_k, η_k), its weights normalised to one."""
        weight, atoms = self.gate.atoms(params.gate)
        return MixingMeasure(weight, {**atoms, **self.expert.atoms(params.expert)})

    def from_measure(self, measure: MixingMeasure) -> MixtureParams:
        """Parameters of a mixing measure."""
        return MixtureParams(
            self.gate.from_atoms(measure.weight, measure.atoms),
            self.expert.from_atoms(measure.atoms),
        )

    def _split(self, params: MixtureParams, x: Array) -> tuple[Array, list[Array]]:
        """Logits (K, n) and the experts' predictors at the rows of x."""
        z = np.ascontiguousarray(np.asarray(x, dtype=float).T)
        predictors = self.layout.predictors(self.coefficients(params), self.layout.features(z))
        n = len(self.layout.gate)
        logits = self.gate.logits(predictors[:n], np.empty((self.n_experts, z.shape[1])))
        return logits, predictors[n:]

    def _evaluate(
        self, params: MixtureParams, x: Array, y: Array | None
    ) -> tuple[Array, Array, Array]:
        """Log-likelihood (n,), responsibilities and gate probabilities (K, n)."""
        logits, predictors = self._split(params, x)
        density = np.zeros_like(logits)
        if y is not None:
            self.expert.log_density(predictors, self.expert.encode(y), density)
        n = logits.shape[1]
        r, g, loglik = np.empty_like(logits), np.empty_like(logits), np.empty(n)
        posterior(logits, density, np.empty((4, n)), r, g, loglik)
        return loglik, r, g

    @staticmethod
    def _by_block(rows: int, evaluate: Callable[[slice], Array]) -> Array:
        parts = [evaluate(slice(i, i + _BLOCK)) for i in range(0, rows, _BLOCK)]
        return np.concatenate(parts)

    def log_prob(self, params: MixtureParams, x: Array, y: Array) -> Array:
        """log p(y_i | x_i), shape (n,); x is (n, n_columns), y is (n,) or (n, n_responses)."""
        return self._by_block(len(x), lambda s: self._evaluate(params, x[s], y[s])[0])

    def weights(self, params: MixtureParams, x: Array) -> Array:
        """Gate probabilities π_k(x_i), shape (n, K)."""
        return self._by_block(len(x), lambda s: self._evaluate(params, x[s], None)[2].T)

    def posterior(self, params: MixtureParams, x: Array, y: Array) -> Array:
        """Responsibilities P(expert k | x_i, y_i), shape (n, K)."""
        return self._by_block(len(x), lambda s: self._evaluate(params, x[s], y[s])[1].T)

    def expert_means(self, params: MixtureParams, x: Array, known: Array | None = None) -> Array:
        """Means of the experts, E_k(y | x_i), (n, K), or (n, K, m) of m classes or responses."""
        return self.expert.components(self._split(params, x)[1], known).mean()

    def mean(self, params: MixtureParams, x: Array, known: Array | None = None) -> Array:
        """Conditional mean Σ_k π_k(x_i) E_k(y | x_i), (n,), or (n, m) of m classes or responses."""
        return self.distribution(params, x, known).mean()

    def distribution(self, params: MixtureParams, x: Array, known: Array | None = None) -> Any:
        """The conditional laws at the rows of x, as one row-wise mixture.

        A :class:`~mixexp.models.distribution.MixtureDistribution`, or of several responses a
        :class:`~mixexp.models.multivariate.MultivariateMixtureDistribution`. ``known`` (n,) is what
        a law needs beside x: exposures, numbers of trials.
        """
        return self.expert.predictive(self.weights(params, x), self._split(params, x)[1], known)

    def sample(
        self,
        params: MixtureParams,
        x: Array,
        rng: np.random.Generator | int | None = None,
        known: Array | None = None,
    ) -> Array:
        """A response for each row of x from the conditional law, (n,) or (n, n_responses)."""
        return self.distribution(params, x, known).sample(rng=rng)
