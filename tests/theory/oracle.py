"""Voronoi losses written out anew, cell by cell, at a given translation of the gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy.optimize import minimize

from mixexp.models.measure import MixingMeasure

Blocks = Mapping[str, np.ndarray]
CellValue = Callable[[np.ndarray, Blocks, Blocks], float]
"""Weights of the atoms of a cell, their blocks, and the blocks of the true atom: their term."""


def cell_totals(
    value: CellValue, fitted: MixingMeasure, truth: MixingMeasure
) -> Callable[[float, np.ndarray], np.ndarray]:
    """What is inside the infimum for every cell at (s, t2), for fits without equal atoms.

    Cells are by the experts, which agree with cells by all blocks if experts are far apart.
    """
    fitted, truth = fitted.normalized(), truth.normalized()
    names = truth.expert_blocks
    centre = truth.flat(names)
    label = [int(np.argmin(np.linalg.norm(row - centre, axis=1))) for row in fitted.flat(names)]
    cells = [np.array([i for i, j in enumerate(label) if j == cell], dtype=int)
             for cell in range(truth.n_atoms)]  # fmt: skip
    atoms = [{name: block[cell] for name, block in fitted.atoms.items()} for cell in cells]
    true = [{name: block[j] for name, block in truth.atoms.items()} for j in range(truth.n_atoms)]

    def totals(s: float, t2: np.ndarray) -> np.ndarray:
        total = []
        for j, cell in enumerate(cells):
            weight = fitted.weight[cell]
            moved = {**atoms[j], "gate_coef": atoms[j]["gate_coef"] - t2}
            inside = value(weight, moved, true[j]) if len(cell) else 0.0
            total.append(inside + abs(weight.sum() - s * truth.weight[j]))
        return np.array(total)

    return totals


def powers(rule: Callable[[int], Mapping[str, float]]) -> CellValue:
    """Separate norms of all blocks to the powers that a rule gives for the size of a cell."""

    def value(weight: np.ndarray, atoms: Blocks, true: Blocks) -> float:
        return sum(
            w * np.sqrt(np.sum((atoms[name][i] - true[name]) ** 2)) ** power
            for i, w in enumerate(weight)
            for name, power in rule(len(weight)).items()
        )

    return value


def searched(total: Callable[[float, np.ndarray], float], s: float, t2: np.ndarray) -> float:
    """The least value that searches find from a point near the given one and from no shift."""
    values = []
    for start in (np.append(np.log(s) + 0.01, t2 - 0.01), np.zeros(len(t2) + 1)):
        for _ in range(2):
            found = minimize(
                lambda z: total(np.exp(z[0]), z[1:]), start, method="Nelder-Mead",
                options={"xatol": 1e-10, "fatol": 1e-14, "maxiter": 200},
            )  # fmt: skip
            start = found.x
        values.append(found.fun)
    return min(values)


def random_pair(truth: MixingMeasure, label: list[int], step: float, seed: int) -> MixingMeasure:
    """Atoms around those of a truth, with weights for which minimisers are unique."""
    rng = np.random.default_rng(seed)
    near = truth.take(label)
    atoms = {name: b + step * rng.normal(size=b.shape) for name, b in near.atoms.items()}
    if "variance" in atoms:
        atoms["variance"] = np.maximum(atoms["variance"], 0.05)
    if "gate_temperature" in atoms:
        atoms["gate_temperature"] = near["gate_temperature"] * np.exp(step * rng.normal())
    return MixingMeasure(rng.uniform(0.5, 2.0, len(label)), atoms)
