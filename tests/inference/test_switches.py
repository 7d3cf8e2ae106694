"""Where the gate switches: closed forms, agreement with the gate, and steps without errors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mixexp import GaussianMoE, TopK, Transformed
from mixexp.datasets import load_ethanol, load_faithful, load_npreg


def test_a_linear_gate_of_two_experts_switches_at_minus_intercept_over_slope() -> None:
    npreg = load_npreg()
    moe = GaussianMoE(2, degree=2, gate_penalty=0.1, random_state=0).fit(npreg[["x"]], npreg["yn"])
    results = moe.results(npreg[["x"]], npreg["yn"])
    found = results.gate_switches()
    a, b = results.params["gate[0] 1"], results.params["gate[0] x"]
    names = ["gate[0] 1", "gate[0] x"]
    law = results.cov_params().loc[names, names].to_numpy()
    gradient = np.array([-1.0 / b, a / b**2])
    assert found["estimate"].item() == pytest.approx(-a / b, rel=1e-10)
    assert found["se"].item() == pytest.approx(np.sqrt(gradient @ law @ gradient), rel=1e-6)
    half = 1.959963984540054 * found["se"]
    np.testing.assert_allclose(found["upper"] - found["estimate"], half, rtol=1e-12)


@pytest.mark.parametrize("gate", [None, Transformed()])
def test_another_variable_moves_the_switch(gate) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)
    data = pd.DataFrame(rng.normal(size=(400, 2)), columns=["u", "v"])
    first = rng.random(400) < 1.0 / (1.0 + np.exp(-(2.0 * data["u"] + data["v"])))
    data["y"] = np.where(first, 3.0 + data["u"], -3.0 - data["v"]) + 0.5 * rng.normal(size=400)
    moe = GaussianMoE.from_formula("y ~ u + v", data, gate=gate, n_init=2, random_state=0).fit()
    results = moe.results()
    for v in (-1.0, 1.0):
        row = pd.DataFrame({"u": [9.0], "v": [v]})
        (place,) = results.gate_switches("u", row)["estimate"]
        law = moe.gate_proba(row.assign(u=place))
        np.testing.assert_allclose(law, 0.5, atol=1e-9)
    assert place == pytest.approx(-0.5, abs=0.3)
    with pytest.raises(ValueError, match=r"variable is not named; the fit has \['u', 'v'\]"):
        results.gate_switches()
    with pytest.raises(ValueError, match="X has 400 rows"):
        results.gate_switches("u", data)


def test_a_step_has_a_place_and_no_standard_error() -> None:
    data = load_ethanol()
    moe = GaussianMoE.from_formula("NOx ~ E", data, n_init=2, random_state=0).fit()
    found = moe.results().gate_switches()
    gap = np.sort(data["E"])
    above = int(np.searchsorted(gap, found["estimate"].item()))
    assert gap[above - 1] < found["estimate"].item() < gap[above]
    assert np.isnan(found["se"]).all() and found["withheld"][0].startswith("the gate is a step")
    sparse = GaussianMoE.from_formula(
        "NOx ~ E", data, gate=TopK(1, select="logit"), n_init=2, random_state=0
    ).fit()
    found = sparse.results().gate_switches()
    assert len(found) and np.isnan(found["se"]).all()
    assert found["withheld"].str.startswith("the likelihood jumps").all()


def test_one_expert_and_categories() -> None:
    data = load_faithful().assign(kind="a")
    one = GaussianMoE.from_formula("waiting ~ eruptions", data, n_experts=1).fit()
    assert one.results().gate_switches().empty
    data.loc[::2, "kind"] = "b"
    two = GaussianMoE.from_formula(
        "waiting ~ eruptions + kind", data, n_init=1, random_state=0
    ).fit()
    with pytest.raises(ValueError, match="variable='kind' is a category"):
        two.results().gate_switches("kind")


def test_three_experts_of_which_one_is_off() -> None:
    data = load_ethanol()
    moe = GaussianMoE.from_formula(
        "NOx ~ poly(E, 2) | E", data, n_experts=3, n_init=4, random_state=0
    ).fit()
    found = moe.results(withhold="singular").gate_switches()
    order = moe.gate_proba(data.sort_values("E")).argmax(axis=1)
    assert [*found["from"], found["to"].iloc[-1]] == list(dict.fromkeys(order))


def test_no_error_for_experts_that_may_be_one() -> None:
    data = load_faithful()
    moe = GaussianMoE.from_formula(
        "waiting ~ eruptions", data, n_experts=3, n_init=3, gate_penalty=0.1, random_state=0
    ).fit()
    doubtful = moe.results()
    assert doubtful.overspecification.found
    found = doubtful.gate_switches()
    touched = found[["from", "to"]].isin(doubtful.overspecification.pair).any(axis=1)
    assert touched.any() and found.loc[touched, "se"].isna().all()
    assert (found.loc[touched, "withheld"] == doubtful.overspecification.message).all()
    assert moe.results(withhold="singular").gate_switches()["se"].notna().any()
