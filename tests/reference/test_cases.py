"""The stored reference fits are consistent in themselves, with the data and with their source."""

from __future__ import annotations

import csv
import json
import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import special, stats

from mixexp import datasets

CASES: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("cases.json").read_text("utf-8")
)
each_case = pytest.mark.parametrize("name", CASES)
shipped_case = pytest.mark.parametrize("name", [n for n, c in CASES.items() if c["loader"]])


def shipped_columns(case: dict[str, Any]) -> dict[str, np.ndarray]:
    frame = getattr(datasets, case["loader"])()
    return {
        name: frame[column].to_numpy(float) / divisor
        for name, (column, divisor) in case["loader_columns"].items()
    }


def reference_columns(case: dict[str, Any], folder: Path) -> dict[str, np.ndarray]:
    with (folder / case["data"]).open(encoding="utf-8", newline="") as file:
        names, *rows = csv.reader(file)
    # A table may hold words too, in columns that no shipped table has.
    wanted = case["loader_columns"] or names
    cells = zip(names, zip(*rows, strict=True), strict=True)
    return {name: np.array(c, dtype=float) for name, c in cells if name in wanted}


def design(columns: dict[str, np.ndarray], terms: list[str], n: int) -> np.ndarray:
    def value(term: str) -> np.ndarray:
        name, _, power = term.partition("^")
        return np.ones(n) if term == "1" else columns[name] ** int(power or 1)

    return np.column_stack([value(term) for term in terms])


def loglik(case: dict[str, Any], columns: dict[str, np.ndarray]) -> float:
    """Written down from the definition, so that it shares no code with the library."""
    logits = design(columns, case["gate_terms"], case["n"]) @ np.array(case["params"]["gate"])
    log_gate = logits - np.logaddexp.reduce(logits, axis=1)[:, None]
    return float(np.logaddexp.reduce(log_gate + log_density(case, columns), axis=1).sum())


def log_density(case: dict[str, Any], columns: dict[str, np.ndarray]) -> np.ndarray:
    """Log densities of the response under each expert, (n, K)."""
    x = design(columns, case["expert_terms"], case["n"])
    y, beta = columns[case["response"]][:, None], np.array(case["params"]["beta"])
    if case["family"] == "poisson":
        return stats.poisson.logpmf(y, np.exp(x @ beta))
    if case["family"] == "binomial":
        trials = columns[case["trials"]][:, None]
        return stats.binom.logpmf(y, trials, special.expit(x @ beta))
    if case["family"] == "multinom":
        others = np.moveaxis(x @ beta, 0, 1)
        logits = np.concatenate([np.zeros_like(others[:, :, :1]), others], axis=2)
        chosen = np.take_along_axis(logits, y[:, :, None].astype(int) - 1, axis=2)[:, :, 0]
        return chosen - special.logsumexp(logits, axis=2)
    sigma = np.array(case["params"]["sigma"])
    return -0.5 * ((y - x @ beta) / sigma) ** 2 - np.log(sigma) - 0.5 * np.log(2 * np.pi)


@shipped_case
def test_loglik_follows_from_parameters_and_shipped_data(name):
    case = CASES[name]
    columns = shipped_columns(case)
    assert len(columns[case["response"]]) == case["n"]
    assert loglik(case, columns) == pytest.approx(case["loglik"], abs=1e-8)


@each_case
def test_loglik_follows_from_parameters_and_reference_data(name, reference_dir):
    case = CASES[name]
    columns = reference_columns(case, reference_dir)
    assert loglik(case, columns) == pytest.approx(case["loglik"], abs=1e-8)
    if case["loader"]:
        for column, values in shipped_columns(case).items():
            np.testing.assert_array_equal(values, columns[column])


@each_case
def test_counts_and_criteria_are_consistent(name):
    case = CASES[name]
    n_experts, params = case["n_experts"], case["params"]
    gate = len(case["gate_terms"])
    assert np.shape(params["gate"]) == (gate, n_experts)
    if case["family"] == "multinom":
        assert np.shape(params["beta"])[:2] == (n_experts, len(case["expert_terms"]))
    else:
        assert np.shape(params["beta"]) == (len(case["expert_terms"]), n_experts)
    assert ("sigma" in params) == (case["family"] == "gaussian")
    scales = len(params.get("sigma", ()))
    assert scales == 0 or scales == (1 if case["shared_variance"] else n_experts)
    assert all(row[0] == 0.0 for row in params["gate"])
    free = gate * (n_experts - 1) + np.size(params["beta"]) + scales
    assert case["n_free"] == free
    assert case["aic"] == pytest.approx(-2 * case["loglik"] + 2 * free, abs=1e-9)
    assert case["bic"] == pytest.approx(-2 * case["loglik"] + free * np.log(case["n"]), abs=1e-9)
    assert sum(case["expert_sizes"]) == pytest.approx(case["n"])
    assert min(case["expert_sizes"]) >= 0.05 * case["n"]


@each_case
def test_standard_errors_exist_where_the_gate_does_not_separate(name):
    case = CASES[name]
    assert ("standard_errors" in case) == (not case["separated"])
    if "standard_errors" in case:
        errors, params = case["standard_errors"], case["params"]
        assert np.shape(errors["gate"]) == (len(case["gate_terms"]), case["n_experts"] - 1)
        assert np.shape(errors["beta"]) == np.shape(params["beta"])
        assert errors.keys() == params.keys()
        assert np.shape(errors.get("sigma", ())) == np.shape(params.get("sigma", ()))
        assert all((np.array(block) > 0).all() for block in errors.values())


@each_case
def test_no_other_package_is_above_the_reference(name):
    peer = CASES[name]["best_peer"]
    assert (peer is None) == name.endswith("_main")
    if peer is not None:
        assert peer["loglik"] <= CASES[name]["loglik"] + 1e-8


def test_local_maxima_lie_below_the_best_one():
    local = [name for name, case in CASES.items() if case["local"]]
    assert local == ["tonedata_k2_const_main", "tonedata_k2_main"]
    for name in local:
        assert CASES[name]["loglik"] < CASES[name.removesuffix("_main")]["loglik"] - 1.0


def test_file_is_what_the_script_makes(reference_dir):
    script = runpy.run_path(str(Path(__file__).with_name("make_cases.py")))
    assert script["TARGET"].read_text("utf-8") == script["text"](reference_dir)
