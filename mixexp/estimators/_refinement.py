"""From a joint optimum to the optimum of the conditional likelihood, by Newton."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.fit import Fit, Options, fit
from mixexp.estimation.gllim.fit import JointOptions
from mixexp.estimators._generative_optima import GenerativeOptimum
from mixexp.estimators._optima import FittedOptimum
from mixexp.models import MixtureOfExperts, MixtureParams
from mixexp.models.covariances import BlockMatrices, Covariance, Full
from mixexp.models.experts import (
    Gaussian,
    GaussianParams,
    MultivariateGaussian,
    MultivariateGaussianParams,
)
from mixexp.models.gates import GaussianGate, GaussianGateParams
from mixexp.models.gllim import GLLiM, GLLiMParams, inverted
from mixexp.models.gllim.forward import Forward
from mixexp.models.gllim.gauge import NaturalGates, likeliest

Array = NDArray[np.float64]


class Structures(NamedTuple):
    """Structures of the gates and the experts of p(y | x)."""

    gate: Covariance
    expert: Covariance


def forward_structures(model: GLLiM, *, inverse: bool) -> Structures:
    """Structures of p(y | x), where its Gaussian gates and experts are free of other constraints.

    Raises
    ------
    ValueError
        If they are not: what the conditional likelihood then climbs on is not this model class.
    """
    k = model.n_experts
    if model.n_latent or model.functions is not None:
        raise ValueError(
            "likelihood='conditional' needs n_latent=0 and basis=None; use degree= or "
            "likelihood='joint'"
        )
    if not inverse:
        for name, structure, dim in (
            ("gate_covariance", model.gate_covariance, model.n_inputs),
            ("covariance", model.covariance, model.n_outputs),
        ):
            if structure.sharing == "volume" or len(set(structure.blocks(dim, k))) > 1:
                raise ValueError(
                    f"likelihood='conditional' cannot keep {name}={structure!r}; use "
                    "sharing='expert' or 'shared' and one partition for all experts"
                )
        return Structures(model.gate_covariance, model.covariance)
    sides = ((model.gate_covariance, model.n_inputs), (model.covariance, model.n_outputs))
    if model.degree == 0:
        raise ValueError(
            "likelihood='conditional' with direction='inverse' and degree=0: p(y | x) has slopes "
            "that the model has not; use degree=1, direction='direct', or likelihood='joint'"
        )
    free = all(
        s.sharing == "expert" and (dim == 1 or (len(s.blocks(dim, k)[0]) == 1 and not s.isotropic))
        for s, dim in sides
    )
    if not (free and model.affine):
        raise ValueError(
            "likelihood='conditional' with direction='inverse' needs affine experts and full "
            "covariances of each expert's own: otherwise p(y | x) has constraints between gate and "
            "experts. Use direction='direct', or likelihood='joint'"
        )
    return Structures(Full(), Full())


def refine(
    model: GLLiM,
    forward: Forward,
    x: Array,
    y: Array,
    weight: Array | None,
    *,
    inverse: bool,
    options: JointOptions,
) -> GenerativeOptimum:
    """Maximise Σ_i w_i log p(y_i | x_i) from the law ``forward`` of y given x.

    Gates are known up to a common log-quadratic factor of x, see
    :class:`~mixexp.models.gates.GaussianGate`; of all these the one is returned under which the
    rows of x are likeliest, so that the joint likelihood is as large as the conditional law lets it
    be. The record lacks what belongs to the joint likelihood.

    Raises
    ------
    ValueError
        If p(y | x) has constraints that the conditional likelihood does not know.
    """
    structures = forward_structures(model, inverse=inverse)
    n, d = y.shape[1], x.shape[1]
    degree = 1 if inverse else model.degree
    family: Any = (
        Gaussian(degree, "shared" if structures.expert.sharing == "shared" else "expert")
        if n == 1
        else MultivariateGaussian(n, structures.expert, degree)
    )
    found = fit(
        MixtureOfExperts(GaussianGate(structures.gate), family, model.n_experts, d),
        x, y[:, 0] if n == 1 else y, weight,
        options=Options(
            n_init=1, bounds=options.bounds, min_share=options.min_share, tol=options.tol,
            max_iter=options.max_iter, standardize=options.standardize,
            n_threads=options.n_threads, seed=options.seed,
        ),
        given=[_mixture(forward.user_params)],
    )  # fmt: skip
    record = FittedOptimum.build(found, found.optima[0])
    if record.certificate is None:
        raise ValueError(
            f"likelihood='conditional' with {conditional_size(found)} parameters: the Hessian is "
            "too large to form; use likelihood='joint'"
        )
    pairs = [] if structures.gate.isotropic and d > 1 else _pairs(structures.gate, d)
    params = _standard(record.params, forward, x, weight, pairs)
    own = inverted(params) if inverse else params
    standard = replace(
        own,
        gate_covariance=model.gate_structure.of(own.gate_covariance.dense()),
        covariance=model.structure.of(own.noise.dense()),
    )
    return GenerativeOptimum(
        standard, np.nan, record.loglik, record.certificate, record.shares, record.flags,
        record.n_hits, "joint optimum", record.n_iter,
    )  # fmt: skip


def conditional_size(found: Fit) -> int:
    """Number of free parameters of a conditional fit."""
    return found.objective.layout.n_free


def _pairs(structure: Covariance, dim: int) -> list[tuple[int, int]]:
    return [(i, j) for b in structure.blocks(dim, 1)[0] for i in b for j in b if i <= j]


def _mixture(forward: GLLiMParams) -> MixtureParams:
    """Parameters of p(y | x) as the conditional likelihood's."""
    gate = GaussianGateParams(
        np.log(forward.weight), forward.gate_mean, forward.gate_covariance.dense()
    )
    noise = forward.noise.dense()
    if forward.table.shape[1] == 1:
        expert: Any = GaussianParams(forward.intercept[:, 0], forward.coef[:, 0], noise[:, 0, 0])
    else:
        expert = MultivariateGaussianParams(forward.intercept, forward.coef, noise)
    return MixtureParams(gate, expert)


def _standard(
    found: MixtureParams,
    forward: Forward,
    x: Array,
    weight: Array | None,
    pairs: list[tuple[int, int]],
) -> GLLiMParams:
    """Parameters of p(y | x) on the scale of ``forward``, with the likeliest gates."""
    scaling, expert = forward.scaling, found.expert
    gates = NaturalGates.of(*found.gate).on_scale(scaling.u_center, scaling.u_scale)
    z = ((x - scaling.u_center) / scaling.u_scale).T
    share, mean, covariance = likeliest(gates, z, weight, pairs)
    k, n, _ = forward.params.table.shape
    variance = getattr(expert, "variance", None)
    noise = expert.covariance if variance is None else variance[:, None, None]
    table = np.concatenate(
        [expert.intercept.reshape(k, n, 1), expert.coef.reshape(k, n, -1)], axis=2
    )
    user = GLLiMParams(
        share, mean, BlockMatrices.full(covariance), table,
        BlockMatrices.full(np.asarray(noise)), np.zeros((k, n, 0)),
    )  # fmt: skip
    experts = forward.model.rescale(user, scaling.inverse())
    return replace(experts, gate_mean=mean, gate_covariance=user.gate_covariance)
