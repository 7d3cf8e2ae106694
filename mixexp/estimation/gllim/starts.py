"""Starting values: partitions of the joint data, and splits of a fit with one expert less."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.gllim.data import JointData
from mixexp.estimation.gllim.em import JointEM
from mixexp.estimation.gllim.lines import by_local_lines
from mixexp.models.covariances import Diagonal
from mixexp.models.gllim import GLLiM, GLLiMParams, log_densities

Array = NDArray[np.float64]

KINDS = (
    "k-means",
    "local lines",
    "k-means of inputs",
    "local lines of inputs",
    "random centres",
    "k-means of outputs",
)
# More outputs than this have no neighbours to regress the inputs in.
_FEW = 10


def drawn(
    data: JointData, n_experts: int, number: int, rng: np.random.Generator
) -> Iterator[tuple[str, Array]]:
    """``number`` partitions as responsibilities (n, K), the kinds in turn.

    Inputs and outputs have their turns alike: which of them is the gate's variable says little
    about which of them shows the groups.
    """
    for i in range(number):
        kind = KINDS[i % len(KINDS)]
        if kind == "local lines of inputs" and len(data.v) > _FEW:
            kind = "local lines"
        yield kind, one_hot(_partition(data, n_experts, kind, rng), n_experts)


def _partition(
    data: JointData, n_experts: int, kind: str, rng: np.random.Generator
) -> NDArray[np.intp]:
    if kind == "local lines":
        return by_local_lines(data.u, data.features, data.v, n_experts, rng)
    if kind == "local lines of inputs":
        constant = np.ones((1, data.n_rows))
        return by_local_lines(data.v, np.concatenate([constant, data.v]), data.u, n_experts, rng)
    sides = {"k-means of inputs": data.u.T, "k-means of outputs": data.v.T}
    return _labels(sides.get(kind, _joint_points(data)), n_experts, kind, rng)


def _joint_points(data: JointData) -> Array:
    """Rows of (u, v), the outputs as a whole weighing as much as the inputs."""
    ratio = np.sqrt(len(data.u) / len(data.v))
    return np.concatenate([data.u, ratio * data.v]).T


def _labels(points: Array, n_experts: int, kind: str, rng: np.random.Generator) -> NDArray[np.intp]:
    seed = int(rng.integers(2**31 - 1))
    distinct = np.unique(points, axis=0)
    if len(distinct) < n_experts:
        # Fewer different rows than experts: labels at random are as good as any.
        return rng.integers(n_experts, size=len(points))
    # Centres from the different rows alone: a weight of two starts as a row that comes twice.
    if kind == "random centres":
        from sklearn.cluster import kmeans_plusplus

        centres, _ = kmeans_plusplus(distinct, n_experts, random_state=seed)
        return nearest(points, centres)
    from scipy.cluster.vq import kmeans2

    # Lloyd's steps by SciPy: scikit-learn's wait for its threads longer than they compute.
    centres, _ = kmeans2(distinct, n_experts, iter=10, minit="++", rng=seed, missing="warn")
    return nearest(points, centres)


def nearest(points: Array, centres: Array) -> NDArray[np.intp]:
    """Index of the nearest centre of every row."""
    distance = np.sum(centres**2, axis=1) - 2.0 * points @ centres.T
    return np.argmin(distance, axis=1)


def one_hot(labels: NDArray[np.intp], n_experts: int) -> Array:
    """Labels as responsibilities, each expert with a grain of every row."""
    r = np.full((len(labels), n_experts), 1e-3 / n_experts)
    r[np.arange(len(labels)), labels] += 1.0 - 1e-3
    return r


def responsibilities(data: JointData, params: GLLiMParams) -> Array:
    """Responsibilities (n, K) of the joint law."""
    logs = log_densities(params, data.u, data.features, data.v)
    logits = logs.gate + logs.expert
    r = np.exp(logits - logits.max(axis=0))
    return (r / r.sum(axis=0)).T


def splits(em: JointEM, params: GLLiMParams) -> Iterator[tuple[str, Array]]:
    """Each expert of a fit split in two, as responsibilities (n, K + 1).

    Along the leading axis of its inputs, of its residuals, and of its outputs where they are few,
    in units of the expert's own spread: where an expert covers two groups, one of them shows it.
    """
    data = em.data
    logs = log_densities(params, data.u, data.features, data.v)
    logits = logs.gate + logs.expert
    r = np.exp(logits - logits.max(axis=0))
    r /= r.sum(axis=0)
    weight = r if data.weight is None else r * data.weight
    for k in range(params.n_experts):
        inputs = logs.gate_residual[k] / np.sqrt(params.gate_covariance.diagonal()[k])[:, None]
        outputs = logs.residual[k] / np.sqrt(params.noise.diagonal()[k])[:, None]
        own = data.v / np.maximum(np.sqrt(data.v**2 @ weight[k]), 1e-100)[:, None]
        sides = (("inputs", inputs), ("residuals", outputs), ("outputs", own))
        for kind, points in sides if len(data.v) <= _FEW else sides[:2]:
            score = _leading(points, weight[k])
            side = 1.0 / (1.0 + np.exp(-np.clip(4.0 * score, -30.0, 30.0)))
            halves = np.column_stack([r[k] * side, r[k] * (1.0 - side)])
            others = np.delete(r, k, axis=0).T
            yield f"split of expert {k} along its {kind}", np.hstack([others, halves])


def for_experts(model: GLLiM, n_experts: int) -> GLLiM:
    """The model with another number of experts.

    Partitions of single experts say nothing about others: diagonal matrices stand in for them.
    """
    if n_experts == model.n_experts:
        return model
    structures = [model.gate_covariance, model.covariance]
    for i, dim in enumerate((model.n_inputs, model.n_outputs)):
        try:
            structures[i].check(dim, n_experts)
        except ValueError:
            structures[i] = Diagonal()
    gate, covariance = structures
    return replace(model, n_experts=n_experts, gate_covariance=gate, covariance=covariance)


def copies(params: GLLiMParams) -> Iterator[GLLiMParams]:
    """Each expert of a fit in turn as two of half its weight, a fifth of its spread apart."""
    k = params.n_experts
    for i in range(k):
        double = params.take([*range(k), i])
        weight = np.array([*params.weight, params.weight[i]])
        weight[[i, k]] *= 0.5
        shift = 0.1 * np.sqrt(params.noise.diagonal()[i])
        table = double.table.copy()
        table[i, :, 0] += shift
        table[k, :, 0] -= shift
        yield replace(double, weight=weight, table=table)


def _leading(points: Array, weight: Array) -> Array:
    """Standardised coordinate of points (p, n) along their leading axis, (n,)."""
    total = max(float(weight.sum()), np.finfo(float).tiny)
    centred = points - (points @ weight / total)[:, None]
    scaled = centred * np.sqrt(weight / total)
    small = scaled @ scaled.T if len(points) <= 50 else None
    if small is not None:
        axis = np.linalg.eigh(small)[1][:, -1]
    else:
        axis = np.ones(len(points))
        for _ in range(10):
            axis = scaled @ (scaled.T @ axis)
            axis /= max(float(np.linalg.norm(axis)), np.finfo(float).tiny)
    score = axis @ centred
    spread = float(np.sqrt(weight @ score**2 / total))
    # The expert of a single point has no axis.
    return score / spread if spread > 1e-100 else np.zeros_like(score)


def splits_of(model: GLLiM, params: GLLiMParams, u: Array, v: Array) -> list[Array]:
    """Splits (n, K + 1) of a fit on the user's scale, the likeliest after an EM step first."""
    model, data = JointData.from_rows(model, u, v)
    standard = model.rescale(params, data.scaling.inverse())
    wider = JointEM(for_experts(model, model.n_experts + 1), data)
    found: list[tuple[float, int, Array]] = []
    for _, r in splits(JointEM(model, data), standard):
        step = wider.from_responsibilities(r)
        found.append((wider.statistics(step).value, len(found), r))
    return [r for _, _, r in sorted(found, key=lambda f: (-f[0], f[1]))]
