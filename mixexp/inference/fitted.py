"""A fitted mixture of experts bound to its data: where all inference starts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.box import Box
from mixexp.estimation.certificate import Certificate
from mixexp.estimation.data import Data
from mixexp.estimation.objective import Objective
from mixexp.estimation.penalty import Ridge
from mixexp.models.mixture import MixtureOfExperts, MixtureParams

Array = NDArray[np.float64]

# Part of its own size by which the log-likelihood may differ from the fit's, from rounding.
_SAME = 1e-7
_STEP = 1e-4


@dataclass(frozen=True, eq=False)
class Fitted:
    r"""An optimum :math:`\hat\theta` and the objective it maximises, row by row.

    Two vectors of parameters are kept apart. The solver's :math:`\theta` (P,) are free coordinates
    on standardised columns. What is reported are *the same coordinates on the user's scale*,
    :math:`\psi(\theta)` (P,): coefficients of the user's columns, logarithms of the user's
    variances, gate coefficients as differences to the last expert.

    Attributes
    ----------
    objective : Objective
        Bound to the rows of the fit, in their order, with the penalty of the fit.
    theta : array (P,)
    box : Box
        The parameter space, in coordinates of ``theta``.
    columns : tuple of str
        Names of the columns of x.
    x : array (n, n_columns)
        Rows on the user's scale, those of positive weight.
    y : array
        Responses as the experts read them (``encode``), one for each row of ``x``.
    weight : array (n,) or None
    certificate : Certificate or None
    """

    objective: Objective
    theta: Array
    box: Box
    columns: tuple[str, ...]
    x: Array
    y: Array
    weight: Array | None
    certificate: Certificate | None

    @classmethod
    def of(cls, estimator: Any, x: Array, y: Array, weight: Array | None) -> Fitted:
        """A fitted estimator with the rows it was fitted to.

        Raises
        ------
        ValueError
            If the log-likelihood of these rows is not that of the fit.
        """
        # What the user does to the arrays afterwards must not change the results.
        used = np.full(len(x), True) if weight is None else weight > 0.0
        x, y, weight = x[used], y[used], None if weight is None else weight[used]
        options, affine, model = estimator._options(), estimator._affine, estimator._scaled
        z = (x - affine.x_center) / affine.x_scale
        response = model.expert.encode(y)
        if model.expert.standardizes:
            response = (response.T - affine.y_center).T / np.reshape(affine.y_scale, (-1, 1))
        data = Data(np.ascontiguousarray(z.T), np.ascontiguousarray(response), weight, affine)
        penalty = Ridge.build(model.layout, options.gate_penalty, options.expert_penalty)
        names = getattr(estimator, "feature_names_in_", None)
        labels = [f"x{j}" for j in range(x.shape[1])] if names is None else list(map(str, names))
        fitted = cls(
            Objective(model, data, penalty, options.n_threads), estimator._theta,
            options.bounds.box(model.layout), tuple(labels), x, y, weight,
            estimator.certificate_,
        )  # fmt: skip
        fitted.check_loglik(estimator.loglik_)
        return fitted

    def check_loglik(self, reached: float) -> None:
        """Refuse rows whose log-likelihood is not what the fit reached.

        Raises
        ------
        ValueError
        """
        if abs(self.loglik - reached) > _SAME * (1.0 + abs(reached)):
            raise ValueError(
                f"X and y have the log-likelihood {self.loglik:.6g} under the fit, which reached "
                f"{reached:.6g}: they are not the data of the fit. Standard errors need "
                "those: pass the rows, weights and exposures that fit had"
            )

    def check_rows(self) -> None:
        """Refuse what needs the rows in memory, where they are not."""

    @property
    def n_rows(self) -> int:
        """Number of rows of positive weight."""
        return len(self.x)

    @property
    def weighted(self) -> bool:
        """Whether any row has a weight."""
        return self.weight is not None

    @property
    def model(self) -> MixtureOfExperts:
        """The model on the solver's scale."""
        return self.objective.model

    @property
    def names(self) -> list[str]:
        """Names of the entries of θ and of ψ."""
        return self.model.layout.names(list(self.columns))

    @property
    def n_free(self) -> int:
        """Number P of free parameters."""
        return self.model.layout.n_free

    @property
    def total_weight(self) -> float:
        """Number of observations: the sum of the weights."""
        return self.objective.data.total_weight

    @cached_property
    def loglik(self) -> float:
        """Log-likelihood on the user's scale, without penalties, nats."""
        value = self.objective.evaluate(self.theta).value
        return value + self.objective.penalty.value(self.theta) - self.objective.data.log_scale

    def user(self, theta: Array) -> Array:
        """ψ(θ): the free coordinates on the user's scale, (P,)."""
        model, affine = self.model, self.objective.data.affine
        return model.layout.vector(model.rescale(model.layout.coefficients(theta), affine))

    def solver(self, psi: Array) -> Array:
        """The inverse of :meth:`user`."""
        model, affine = self.model, self.objective.data.affine
        coefficients = model.layout.coefficients(np.asarray(psi, dtype=float))
        return model.layout.vector(model.rescale(coefficients, affine.inverse()))

    def params(self, theta: Array) -> MixtureParams:
        """Parameters of θ on the user's scale."""
        model, affine = self.model, self.objective.data.affine
        return model.to_params(model.rescale(model.layout.coefficients(theta), affine))

    @cached_property
    def psi(self) -> Array:
        """The fitted parameters on the user's scale, (P,)."""
        return self.user(self.theta)

    @cached_property
    def jacobian(self) -> Array:
        """∂ψ/∂θ at the optimum, (P, P).

        The map is affine but for a few coordinates, such as those of Gaussian gates: fourth-order
        differences are exact to rounding for the former and to 1e-14 for the latter.
        """
        columns = []
        for unit in np.eye(self.n_free):
            near, far = (
                self.user(self.theta + step * unit) - self.user(self.theta - step * unit)
                for step in (_STEP, 2.0 * _STEP)
            )
            columns.append((8.0 * near - far) / (12.0 * _STEP))
        return np.column_stack(columns)
