"""What a claim is about: a truth to sample from, and a model to fit by each arm."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.models import MixingMeasure
from mixexp.simulation.claims.arms import Arm
from mixexp.simulation.study import Scalar

Array = NDArray[np.float64]


class Outcome(NamedTuple):
    """A fitted measure, its log-likelihood in nats, and what the fit says about itself.

    ``about`` holds the columns ``certified`` and ``at_bound`` (None where nothing was certified),
    ``remaining_gain``, ``n_optima``, ``n_hits``, ``n_starts`` and ``n_iter``, as far as known.
    """

    measure: MixingMeasure
    loglik: float
    about: Mapping[str, Scalar]


class Problem(ABC):
    """A truth and a model; subclasses are frozen dataclasses whose ``repr`` says all there is."""

    @property
    @abstractmethod
    def truth_measure(self) -> MixingMeasure:
        """The true mixing measure."""

    @property
    @abstractmethod
    def n_experts(self) -> int:
        """Number k of experts that are fitted."""

    @abstractmethod
    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """n independent pairs from the truth."""

    @abstractmethod
    def loglik_of_truth(self, x: Array, y: Array) -> float:
        """Log-likelihood of the truth, nats."""

    @abstractmethod
    def fit(self, arm: Arm, x: Array, y: Array, seed: int) -> Outcome:
        """Maximise the likelihood as the arm says."""

    def loglik_of_exact(self, x: Array, y: Array, seed: int) -> float | None:
        """Highest log-likelihood with k* experts; None where that is what is fitted."""
        return None

    @abstractmethod
    def hellinger(self, measure: MixingMeasure, n_points: int) -> float:
        """Hellinger distance of a fitted measure's law from the truth's."""
