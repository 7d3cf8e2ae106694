"""One replicate: draw, fit, and ask of every interval whether it holds what it should."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from experiments.coverage.laws import LAWS, Law
from mixexp import MixingMeasure
from mixexp.simulation import Study, StudyTask
from mixexp.simulation.study import Row

Array = NDArray[np.float64]

COVARIANCES = ("observed", "opg", "sandwich")
Z = 1.959963984540054
"""The 97.5 % point of the normal law."""


def coverage_study(name: str, sizes: tuple[int, ...], replicates: int) -> Study:
    """The study of a law of ``LAWS``; what its intervals should cover is among its parameters."""
    target = LAWS[name].target()
    params = {
        "law": name,
        "weight": target.weight.tolist(),
        "atoms": {key: block.tolist() for key, block in target.atoms.items()},
    }
    return Study(f"coverage-{name}", sizes, replicates, replicate, params, version="1")


def replicate(task: StudyTask) -> list[Row]:
    """A row for each parameter and each function: its block, its intervals and what they hold."""
    law = LAWS[task.params["law"]]
    target = MixingMeasure(task.params["weight"], task.params["atoms"])
    rng = task.rng()
    x, y = law.draw(task.n, rng)
    # From the truth and two other starts: intervals are about the optimum near the truth, and the
    # other starts say whether a fit would find it.
    estimator = law.estimator(init=target, n_init=3, random_state=int(rng.integers(2**31)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(x, y)
    results = {
        kind: estimator.results(x, y, cov_type=kind, withhold="singular") for kind in COVARIANCES
    }
    near = target.align(estimator.measure_)
    facts = {"converged": bool(estimator.converged_), "flags": estimator.optima_["flags"][0]}
    rows = [*_parameters(estimator, results, near), *_functions(law, estimator, results, near)]
    return [{**facts, **row} for row in rows]


def _row(block: str, name: str, truth: float, estimate: float, bounds: Mapping[str, Array]) -> Row:
    row: Row = {"block": block, "name": name, "truth": truth, "estimate": estimate}
    for kind, (low, high) in bounds.items():
        given = bool(np.isfinite(low) and np.isfinite(high))
        row[f"covered_{kind}"] = bool(low <= truth <= high) if given else None
        row[f"width_{kind}"] = float(high - low) if given else None
    return row


def _parameters(estimator: Any, results: Mapping[str, Any], near: MixingMeasure) -> Iterator[Row]:
    fitted = next(iter(results.values())).fitted
    model = estimator.model_
    truth = model.layout.vector(model.coefficients(model.from_measure(near)))
    intervals = {kind: found.conf_int() for kind, found in results.items()}
    for j, name in enumerate(fitted.names):
        bounds = {kind: table.loc[name].to_numpy() for kind, table in intervals.items()}
        yield _row(name.split("[")[0].split("(")[0], name, truth[j], fitted.psi[j], bounds)


def _functions(
    law: Law, estimator: Any, results: Mapping[str, Any], near: MixingMeasure
) -> Iterator[Row]:
    """Functions of the law at the points: gate probabilities, means or class probabilities."""
    model = estimator.model_
    params = model.from_measure(near)
    classes = hasattr(estimator, "classes_")
    outcome = "class_proba" if classes else "mean"
    truths = {
        ("gate_proba", "π_k(x)"): model.weights(params, law.points),
        (outcome, "P(y = j | x)" if classes else "E(y | x)"): model.mean(params, law.points),
    }
    for (method, block), truth in truths.items():
        tables = {kind: getattr(found, method)(law.points) for kind, found in results.items()}
        first = next(iter(tables.values()))
        for i, (value, estimate) in enumerate(zip(truth.ravel(), first["estimate"], strict=True)):
            bounds = {
                kind: table.iloc[i][["lower", "upper"]].to_numpy(float)
                for kind, table in tables.items()
            }
            yield _row(block, f"{block} {i}", float(value), float(estimate), bounds)
