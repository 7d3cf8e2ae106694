"""Marginal effects of the original variables of a formula."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mixexp import GaussianMoE, PoissonMoE
from mixexp.datasets import load_ethanol

N = 150


def data() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    x = rng.uniform(1.0, 4.0, size=N)
    group = rng.choice(["control", "low", "high"], size=N)
    site = rng.integers(1, 4, size=N)
    shift = pd.Series(group).map({"control": 0.0, "low": 1.0, "high": 3.0}).to_numpy()
    y = 1.0 + x - 0.5 * x**2 + shift + 0.2 * site + 0.5 * rng.normal(size=N)
    return pd.DataFrame({"y": y, "x": x, "group": group, "site": site, "time": 1.0 + x})


def test_a_polynomial_has_the_effect_of_its_variable() -> None:
    frame = data()
    moe = GaussianMoE.from_formula("y ~ poly(x, 2) | 1", frame, n_experts=1).fit()
    table = moe.results().marginal_effects().table
    raw = GaussianMoE(1, degree=2).fit(frame[["x"]], frame["y"])
    results = raw.results(frame[["x"]], frame["y"])
    slope, curve = results.params["mean[0] x"], results.params["mean[0] x^2"]
    assert table["variable"].tolist() == ["x"]
    expected = slope + 2.0 * curve * frame["x"].mean()
    np.testing.assert_allclose(table["estimate"], expected, rtol=1e-7)
    at_mean = moe.results().marginal_effects(at="mean").table
    np.testing.assert_allclose(at_mean["estimate"], expected, rtol=1e-7)
    same = results.marginal_effects().table
    np.testing.assert_allclose(table["se"], same["se"], rtol=1e-6)


def test_splines_have_effects_at_both_ends_of_their_range() -> None:
    frame = data()
    moe = GaussianMoE.from_formula("y ~ bs(x, df=5) | x", frame, n_experts=1).fit()
    ends = frame.loc[[frame["x"].idxmin(), frame["x"].idxmax()]]
    table = moe.results().marginal_effects(ends, at="rows").table
    assert table["row"].tolist() == ends.index.tolist()
    inside = ends.assign(x=ends["x"] + [1e-5, -1e-5])
    quotient = (moe.predict(inside) - moe.predict(ends)) / [1e-5, -1e-5]
    np.testing.assert_allclose(table["estimate"], quotient, rtol=1e-3)
    assert moe.results().marginal_effects().table["se"].notna().all()


def test_categories_have_changes_from_the_first() -> None:
    frame = data()
    frame["group"] = pd.Categorical(frame["group"], ["low", "control", "high"])
    formula = "y ~ x + group + C(site) | 1"
    moe = GaussianMoE.from_formula(formula, frame, n_experts=1).fit()
    results = moe.results()
    table = results.marginal_effects(variables=["group", "site"]).table.set_index("variable")
    names = ["group: control - low", "group: high - low", "site: 2 - 1", "site: 3 - 1"]
    assert table.index.tolist() == names
    design = ["group[T.control]", "group[T.high]", "C(site)[T.2]", "C(site)[T.3]"]
    of = [f"mean[0] {name}" for name in design]
    np.testing.assert_allclose(table["estimate"], results.params[of], rtol=1e-9)
    np.testing.assert_allclose(table["se"], results.bse[of], rtol=1e-9)
    other = results.marginal_effects(at="mean").table
    np.testing.assert_allclose(other["estimate"].to_numpy()[0], table["estimate"].iloc[0])


def test_an_exposure_column_is_that_of_predictions() -> None:
    frame = data().assign(events=lambda d: np.arange(N) % 4)
    moe = PoissonMoE.from_formula("events ~ x | 1", frame, exposure="time", n_experts=1).fit()
    results = moe.results()
    np.testing.assert_allclose(results.mean(frame)["estimate"], moe.predict(frame), rtol=1e-9)
    slope = results.params["log-rate[0] x"]
    effect = results.marginal_effects().table["estimate"]
    np.testing.assert_allclose(effect, slope * moe.predict(frame).mean(), rtol=1e-7)
    unit = results.marginal_effects(exposure=1.0).table["estimate"]
    expected = slope * moe.predict(frame, exposure=np.ones(N)).mean()
    np.testing.assert_allclose(unit, expected, rtol=1e-7)


def test_density_finds_the_response_in_the_data() -> None:
    frame = data()
    moe = GaussianMoE.from_formula("y ~ x | x", frame, n_experts=1).fit()
    table = moe.results().density(frame.head(3))
    np.testing.assert_allclose(
        np.log(table["estimate"]), moe.score_samples(frame.head(3), frame["y"].head(3))
    )


def test_unknown_variables_are_named() -> None:
    frame = data()
    results = GaussianMoE.from_formula("y ~ poly(x, 2) | 1", frame, n_experts=1).fit().results()
    with pytest.raises(ValueError, match=r"variables has 'time'; the fit has \['x'\]"):
        results.marginal_effects(variables="time")


def test_without_variables_there_are_no_effects() -> None:
    data = load_ethanol()
    moe = GaussianMoE.from_formula("NOx ~ 1", data, n_experts=1).fit()
    with pytest.raises(ValueError, match="the fit has no variables"):
        moe.results().marginal_effects()


def test_the_gate_needs_no_exposure() -> None:
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"x": rng.normal(size=200), "time": rng.uniform(1.0, 2.0, size=200)})
    data["n"] = rng.poisson(data["time"] * np.exp(np.where(data["x"] > 0.0, 2.0, 0.0)))
    moe = PoissonMoE.from_formula("n ~ x", data, exposure="time", n_init=1, random_state=0).fit()
    results, new = moe.results(withhold="singular"), pd.DataFrame({"x": [-1.0, 1.0]})
    expected = moe.gate_proba(new).ravel()
    np.testing.assert_allclose(results.gate_proba(new)["estimate"], expected, rtol=1e-12)
    with pytest.raises(ValueError, match="time"):
        results.mean(new)
