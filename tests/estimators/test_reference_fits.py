"""Default fits of real data against the best fits known, those of other packages included."""

from __future__ import annotations

import csv
import json
from functools import cache
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mixexp import BinomialMoE, GaussianMoE, MultinomialMoE, PoissonMoE, datasets

CASES: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "reference" / "cases.json").read_text("utf-8")
)
INTERIOR = [n for n, c in CASES.items() if not c["separated"] and not c["local"]]
SEPARATED = [n for n, c in CASES.items() if c["separated"]]
WIDE = {"gate": 1e5}
"""Bounds at which a gate that separates is a step to within 1e-6 nats."""


def columns(case: dict[str, Any], folder: Path | None) -> pd.DataFrame:
    """The columns of a case: from the package where they may be shipped, else from the folder."""
    if case["loader"]:
        frame = getattr(datasets, case["loader"])()
        sources = case["loader_columns"].items()
        return pd.DataFrame({name: frame[source] / unit for name, (source, unit) in sources})
    assert folder is not None
    with (folder / case["data"]).open(encoding="utf-8", newline="") as file:
        names, *rows = csv.reader(file)
    return pd.DataFrame(np.array(rows, dtype=float), columns=names)


def covariates(terms: list[str]) -> list[str]:
    return list(dict.fromkeys(term.partition("^")[0] for term in terms if term != "1"))


def estimator(case: dict[str, Any], **settings: Any) -> Any:
    """The estimator of a case, unfitted; the likelihood alone, without a penalty."""
    if case["family"] == "poisson":
        return PoissonMoE(case["n_experts"], **settings)
    if case["family"] == "binomial":
        return BinomialMoE(case["n_experts"], **settings)
    if case["family"] == "multinom":
        return MultinomialMoE(case["n_experts"], gate_penalty=None, expert_penalty=None, **settings)
    shared = "shared" if case["shared_variance"] else "expert"
    return GaussianMoE(case["n_experts"], variance=shared, **settings)


@cache
def fitted(name: str, folder: Path | None, wide: bool = False) -> tuple[Any, Any, dict[str, Any]]:
    """The fit of a case with default settings, but for the bounds if ``wide``; X, and the rest."""
    case = CASES[name]
    frame = columns(case, folder)
    gate, expert = covariates(case["gate_terms"]), covariates(case["expert_terms"])
    X, given = frame[list(dict.fromkeys(expert + gate))], {"y": frame[case["response"]]}
    if case["trials"]:
        given["trials"] = frame[case["trials"]]
    moe = estimator(
        case,
        degree=max(int(term.partition("^")[2] or 1) for term in case["expert_terms"]),
        expert_features=expert,
        gate_features=gate,
        bounds=WIDE if wide else None,
        random_state=0,
    )
    return moe.fit(X, **given), X, given


@pytest.fixture
def fit(request):
    """The cached fit of a case; skips where its data are not at hand."""

    def get(name: str, wide: bool = False) -> tuple[Any, Any, dict[str, Any]]:
        shipped = CASES[name]["loader"]
        return fitted(name, None if shipped else request.getfixturevalue("reference_dir"), wide)

    return get


@pytest.mark.parametrize("name", INTERIOR)
def test_interior_optimum_is_the_best_known(name, fit):
    case, (moe, X, given) = CASES[name], fit(name)
    assert moe.loglik_ >= case["best_peer"]["loglik"] - 1e-6
    assert moe.loglik_ == pytest.approx(case["loglik"], abs=1e-6)
    assert moe.converged_
    assert not moe.certificate_.separation.found
    assert moe.optima_["flags"][0] == ""
    assert moe.n_free_ == case["n_free"]
    assert moe.aic(X, **given) == pytest.approx(case["aic"], abs=1e-5)
    assert moe.bic(X, **given) == pytest.approx(case["bic"], abs=1e-5)


@pytest.mark.parametrize("name", INTERIOR)
def test_interior_parameters_are_the_published_ones(name, fit):
    assert_parameters(fit(name)[0], CASES[name])


def experts(moe: Any, case: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Parameters of the experts, a row for each: those found and those published."""
    expert, params = moe.params_.expert, case["params"]
    if case["family"] == "multinom":
        # The published reference is the first class, not the last.
        table = np.concatenate([expert.intercept[:, :, None], expert.coef], axis=2)
        contrasts = (table - table[:, :1])[:, 1:]
        known = np.transpose(params["beta"], (0, 2, 1))
        return contrasts.reshape(len(known), -1), known.reshape(len(known), -1)
    found = np.column_stack([expert.intercept, expert.coef])
    known = np.transpose(params["beta"])
    if case["family"] == "gaussian":
        sigma = np.broadcast_to(params["sigma"], len(found))
        found = np.column_stack([found, np.sqrt(expert.variance)])
        known = np.column_stack([known, sigma])
    return found, known


def assert_parameters(moe: Any, case: dict[str, Any]) -> None:
    """Parameters agree up to the labels of the experts and the reference of the gate."""
    found, known = experts(moe, case)
    logits = np.column_stack([moe.params_.gate.intercept, moe.params_.gate.coef])
    distance = [np.abs(found[list(p)] - known).max() for p in permutations(range(len(found)))]
    order = list(list(permutations(range(len(found))))[int(np.argmin(distance))])
    np.testing.assert_allclose(found[order], known, rtol=1e-4)
    contrasts = (logits[order] - logits[order[0]])[1:]
    np.testing.assert_allclose(contrasts, np.transpose(case["params"]["gate"])[1:], rtol=1e-4)


@pytest.mark.parametrize("name", SEPARATED)
def test_default_fit_says_that_the_gate_separates(name, fit):
    moe, _, _ = fit(name)
    assert moe.converged_
    assert moe.certificate_.separation.found
    assert "the gate separates" in moe.certificate_.summary()
    assert "gate separates" in moe.optima_["flags"][0]
    # Within the default bounds, the supremum is near, and the certificate says how near.
    missing = CASES[name]["loglik"] - moe.loglik_
    assert missing <= 0.1
    assert moe.certificate_.separation.gain == pytest.approx(missing, abs=1e-5)


@pytest.mark.parametrize("name", SEPARATED)
def test_widened_bounds_reach_the_supremum(name, fit):
    case, (moe, X, given) = CASES[name], fit(name, wide=True)
    assert moe.loglik_ == pytest.approx(case["loglik"], abs=1e-4)
    assert moe.loglik_ >= case["best_peer"]["loglik"] - 1e-6
    assert moe.certificate_.separation.found
    assert moe.converged_
    assert moe.bic(X, **given) == pytest.approx(case["bic"], abs=2e-4)


@pytest.mark.parametrize("name", ["tonedata_k2", "tonedata_k2_const"])
def test_wide_basin_of_tonedata_is_one_call_away(name, fit):
    moe, X, given = fit(name)
    main = CASES[f"{name}_main"]
    best = moe.loglik_
    index = int(np.argmin(np.abs(moe.optima_["loglik"] - main["loglik"])))
    row = moe.optima_.loc[index]
    assert row["loglik"] == pytest.approx(main["loglik"], abs=1e-6)
    assert (row["certified"], row["flags"]) == (True, "")
    # The best optimum has a thin line through the rows that clusterings never separate.
    assert min(moe.optima_["scales"][0]) == pytest.approx(min(CASES[name]["params"]["sigma"]))
    # It is the second of those that the default rule admits.
    admissible = moe.optima_["flags"] == ""
    assert list(moe.optima_.index[admissible])[:2] == [0, index]
    moe.use_optimum(index)
    try:
        assert moe.loglik_ == row["loglik"]
        assert moe.converged_
        assert float(moe.score_samples(X, **given).sum()) == pytest.approx(main["loglik"], abs=1e-6)
        assert moe.bic(X, **given) == pytest.approx(main["bic"], abs=1e-5)
        assert_parameters(moe, main)
    finally:
        moe.use_optimum(0)
    assert moe.loglik_ == best
