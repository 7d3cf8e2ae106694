"""The estimator's search for an optimum, made again on other data from near where it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.blocks import single_threaded_blas
from mixexp.estimation.box import Box
from mixexp.estimation.candidates import Pool, draw
from mixexp.estimation.data import Data
from mixexp.estimation.fit import Options
from mixexp.estimation.objective import Objective
from mixexp.estimation.penalty import Ridge
from mixexp.estimation.sketch import sketch_rows
from mixexp.estimation.solvers.multistart import Optimum, Search
from mixexp.estimation.start import Start
from mixexp.models.mixture import MixtureOfExperts

Array = NDArray[np.float64]

# Remaining gain, nats, up to which a start is climbed before it is compared with others.
_CLIMB = 1e-3
# Optima that are polished and certified, best first, until one is regular.
_TRIED = 3
# Rows at which starts are drawn, and a depth from which on none is a split of a smaller fit.
_SKETCH_ROWS = 1024
_NO_SPLITS = 99


@dataclass(frozen=True)
class Problem:
    """A model and data to fit it to, under an estimator's options.

    Attributes
    ----------
    model : MixtureOfExperts
        On the user's scale.
    data : Data
        Standardised by its own moments, as a fit does.
    options : Options
    """

    model: MixtureOfExperts
    data: Data
    options: Options = field(repr=False)

    @classmethod
    def of(
        cls,
        model: MixtureOfExperts,
        x: Array,
        response: Array,
        weight: Array | None,
        options: Options,
    ) -> Problem:
        """From rows x (n, n_columns) and encoded responses (n_responses, n), which it keeps."""
        expert = model.expert
        data = Data.from_rows(
            x, response, weight,
            standardize=options.standardize, standardize_y=expert.standardizes,
            common_scale=expert.common_scale, take_y=True,
        )  # fmt: skip
        return cls(model, data, options)

    @cached_property
    def objective(self) -> Objective:
        """The penalised log-likelihood on the solver's scale."""
        options, layout = self.options, self.model.layout
        penalty = Ridge.build(layout, options.gate_penalty, options.expert_penalty)
        return Objective(self.model, self.data, penalty)

    @cached_property
    def box(self) -> Box:
        """The parameter space."""
        return self.options.bounds.box(self.model.layout)

    def from_user(self, psi: Array) -> Array:
        """θ of parameters on the user's scale, in the box."""
        model = self.objective.model
        affine = self.data.affine.inverse()
        coefficients = model.rescale(model.layout.coefficients(psi), affine)
        return self.box.project(model.layout.vector(coefficients))

    def to_user(self, theta: Array) -> Array:
        """Parameters on the user's scale, (P,)."""
        model = self.objective.model
        coefficients = model.layout.coefficients(theta)
        return model.layout.vector(model.rescale(coefficients, self.data.affine))

    def loglik(self, optimum: Optimum) -> float:
        """Log-likelihood of an optimum on the user's scale, without penalties, nats."""
        return optimum.value + self.objective.penalty.value(optimum.theta) - self.data.log_scale

    def drawn(self, number: int, seed: np.random.SeedSequence) -> list[Start]:
        """Starts of the estimator's kinds, drawn on a sketch of the rows."""
        if number <= 0 or self.model.n_experts == 1:
            return []
        data = self.data
        if data.n_rows > _SKETCH_ROWS:
            sketch = sketch_rows(data.z.T, data.y, data.weight, _SKETCH_ROWS, 0)
            data = data.take(sketch.rows, sketch.weight)
        pool = Pool(Objective(self.model, data, self.objective.penalty), self.options.bounds)
        rng = np.random.default_rng(seed)
        return list(islice(draw(pool, number, rng, _NO_SPLITS), number))

    @single_threaded_blas()
    def best(self, starts: Sequence[Start]) -> Optimum:
        """The answer among the optima that the starts lead to, by the rule of an estimator.

        The highest certified optimum without thin experts and scales on their floors; where there
        is none, the highest of those that come nearest to it.
        """
        climb = self._search(max(_CLIMB, self.options.tol), self.options.max_iter)
        for start in starts:
            climb.run(start)
        ranked = sorted(climb.optima, key=Optimum.rank, reverse=True)
        tried: list[Optimum] = []
        names = self._names
        for optimum in ranked[:_TRIED]:
            polish = self._search(self.options.tol, self.options.max_iter, n_em=0)
            polish.run(Start(optimum.theta, optimum.kind))
            tried += polish.certified(names, None)
            if tried[-1].certified:
                break
        return max(tried, key=Optimum.rank)

    @property
    def _names(self) -> list[str]:
        model = self.model
        return model.layout.names([f"x{j}" for j in range(model.n_columns)])

    def _search(self, tol: float, max_iter: int, n_em: int = 5) -> Search:
        return Search(
            self.objective, self.box, solver=self.options.solver, tol=tol, max_iter=max_iter,
            n_em=n_em, min_share=self.options.min_share,
        )  # fmt: skip


def is_regular(optimum: Optimum) -> bool:
    """Whether an optimum is certified, and no expert is thin or on the floor of the scale."""
    return optimum.certified and optimum.admissible
