"""What a family of experts has to say about itself."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np

from mixexp.models.distribution import MixtureDistribution
from mixexp.models.part import Array, Part


class MStep(NamedTuple):
    """What an M-step has to respect besides the data.

    ``penalty`` is the ridge on the non-constant coefficients; ``lower`` and ``upper`` bound every
    coefficient, one array for each local coordinate, shaped like its coefficients.
    """

    penalty: float
    lower: list[Array]
    upper: list[Array]


class Expert(Part):
    """A family of experts: densities f_k(y | x), k = 1..K, and their derivatives.

    Responses are (n_responses, B): the response, what is known about each row beside x (the log
    exposure of a count, the trials of a number of successes), and what depends on the data alone
    and would be costly to compute again (the logarithm of a factorial).
    """

    standardizes: ClassVar[bool] = False
    """Whether a change of location and scale of the response stays in the family."""

    @property
    def common_scale(self) -> bool:
        """Whether, of several responses, only a change to one scale for all stays in the family."""
        return False

    closed_form: ClassVar[bool] = False
    """Whether the M-step is a maximum and not one Newton step, which may overshoot."""

    @abstractmethod
    def encode(self, y: Any) -> Array:
        """The user's responses, one row for each observation, as responses (n_responses, n).

        In memory of its own where the family ``standardizes``: a fit does that in place.

        Raises
        ------
        ValueError
            If the responses are not possible ones for this family.
        """

    def known(self, y: Array) -> Array | None:
        """What encoded responses y (n_responses, n) hold of each row beside the response, (n,).

        In the user's units and as ``components`` reads it: exposures, numbers of trials. None where
        the family has nothing of the kind.
        """
        return None

    def intercepts(self, y: Array, weight: Array | None) -> tuple[float, ...]:
        """Constant terms of the fit without covariates, one for each coordinate.

        Equal experts with these are where starts begin. ``y`` is (n_responses, n).
        """
        return (0.0,) * len(self.coordinates(()))

    def findings(self, y: Array) -> tuple[str, ...]:
        """What responses y (n_responses, n), on any scale, do to a fit, in words."""
        return ()

    def positions(self, y: Array) -> Array:
        """Responses as points of order one, (m, n), near each other where responses are alike.

        For clusterings of the rows. ``y`` is (n_responses, n).
        """
        return y[:1]

    @abstractmethod
    def log_density(self, predictors: list[Array], y: Array, out: Array) -> Array:
        """Fill ``out`` (K, B) with log f_k(y_i | x_i)."""

    @abstractmethod
    def derivatives(
        self, predictors: list[Array], y: Array, order: int, first: Array, second: Array
    ) -> None:
        """Fill ∂f/∂u (E, K, B) and, for order 2, ∂²f/∂u∂u (E(E+1)/2, K, B), f the log-density."""

    @abstractmethod
    def statistics(
        self, weights: Array, predictors: list[Array], features: list[Array], y: Array
    ) -> list[Array]:
        """Sums over a block from which :meth:`m_step` works; ``weights`` (K, B) are w r."""

    @abstractmethod
    def m_step(
        self, statistics: list[Array], coefficients: list[Array], constraints: MStep
    ) -> list[Array]:
        """Coefficients whose expected complete log-likelihood is no lower than the current one."""

    @abstractmethod
    def atoms(self, params: Any) -> dict[str, Array]:
        """The experts' blocks of atoms of the mixing measure, each with K rows."""

    @abstractmethod
    def from_atoms(self, atoms: Mapping[str, Array]) -> Any:
        """Parameters from atoms."""

    def predictive(
        self, weights: Array, predictors: list[Array], known: Array | None = None
    ) -> Any:
        """The mixture of :meth:`components` with weights (B, K), row by row."""
        return MixtureDistribution(weights, self.components(predictors, known))

    @abstractmethod
    def components(self, predictors: list[Array], known: Array | None = None) -> Any:
        """The K laws at a block of rows, as the components of a predictive distribution.

        ``known`` (B,) is what the law of a row needs beside x, in the user's units: exposures,
        numbers of trials. None stands for ones.
        """

    @abstractmethod
    def mean_derivatives(self, predictors: list[Array], known: Array | None = None) -> Array:
        """∂E_k(y | x_i)/∂u, (m, E, K, B), of the m numbers that ``components(...).mean()`` holds.

        One number for a single response, else one for each class or response; E coordinates.
        """

    def mean_range(self, known: Array | None = None) -> tuple[float, float | Array]:
        """What every mean lies strictly between: numbers, or one for each row, (B,).

        Intervals for means stay inside.
        """
        return -np.inf, np.inf
