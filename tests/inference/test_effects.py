"""Marginal effects against closed forms, statsmodels and differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray

from mixexp import GaussianMoE, MultinomialMoE, PoissonMoE
from mixexp.inference.covariance import Covariance
from mixexp.inference.effects import marginal_effects
from mixexp.models import Softmax, Temperature, TopK
from tests.instances import differences

Array = NDArray[np.float64]
N = 200


def rows(n: int = N, seed: int = 11) -> tuple[pd.DataFrame, np.random.Generator]:
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 2)), columns=["a", "b"])
    return X.assign(d=(rng.random(n) < 0.4).astype(float)), rng


def response(X: pd.DataFrame, rng: np.random.Generator) -> Array:
    first = rng.random(len(X)) < 1.0 / (1.0 + np.exp(-2.0 * X["a"]))
    mean = np.where(first, 2.0 + X["a"] + X["d"], -2.0 - X["b"])
    return mean + 0.7 * rng.normal(size=len(X))


class Spy(Covariance):
    """Keeps the gradients it is asked about."""

    def __init__(self, n: int):
        super().__init__("observed", np.eye(n), np.zeros((n, 0)))
        object.__setattr__(self, "seen", [])

    def standard_error(self, gradient: Any, scale: float = 0.0) -> Array:
        self.seen.append(np.array(gradient))  # type: ignore[attr-defined]
        return super().standard_error(gradient, scale)


def test_one_linear_expert_has_its_slopes() -> None:
    X, rng = rows()
    y = response(X, rng)
    results = GaussianMoE(1).fit(X, y).results(X, y)
    for at in ("average", "mean"):
        table = results.marginal_effects(at=at).table
        assert table["variable"].tolist() == ["a", "b", "d: 1 - 0"]
        slopes = [f"mean[0] {name}" for name in X.columns]
        np.testing.assert_allclose(table["estimate"], results.params[slopes], rtol=1e-9)
        np.testing.assert_allclose(table["se"], results.bse[slopes], rtol=1e-9)
        np.testing.assert_allclose(table["pvalue"], results.pvalues[slopes], rtol=1e-6)
        limits = results.conf_int().loc[slopes]
        np.testing.assert_allclose(table["lower"], limits["lower"], rtol=1e-8)
        np.testing.assert_allclose(table["upper"], limits["upper"], rtol=1e-8)


@pytest.mark.parametrize(("at", "theirs"), [("average", "overall"), ("mean", "mean")])
def test_one_logistic_expert_has_the_effects_of_statsmodels(at: str, theirs: str) -> None:
    X, rng = rows()
    y = np.where(response(X, rng) > 0.0, "yes", "no")
    moe = MultinomialMoE(1, gate_penalty=None, expert_penalty=None).fit(X, y)
    table = moe.results(X, y).marginal_effects(at=at).table
    yes = table[table["class"] == "yes"]
    logit = sm.Logit((y == "yes").astype(float), sm.add_constant(X)).fit(disp=0, tol=1e-12)
    expected = logit.get_margeff(at=theirs, dummy=True)
    np.testing.assert_allclose(yes["estimate"], expected.margeff, rtol=1e-6)
    np.testing.assert_allclose(yes["se"], expected.margeff_se, rtol=1e-6)
    np.testing.assert_allclose(
        table[table["class"] == "no"]["estimate"], -expected.margeff, rtol=1e-6
    )


def test_one_poisson_expert_has_the_effects_of_statsmodels() -> None:
    X, rng = rows()
    X = X[["a", "b"]]
    y = rng.poisson(np.exp(0.3 + 0.5 * X["a"] - 0.2 * X["b"]))
    table = PoissonMoE(1).fit(X, y).results(X, y).marginal_effects().table
    expected = sm.Poisson(y, sm.add_constant(X)).fit(disp=0, tol=1e-12).get_margeff()
    np.testing.assert_allclose(table["estimate"], expected.margeff, rtol=1e-6)
    np.testing.assert_allclose(table["se"], expected.margeff_se, rtol=1e-6)


@pytest.mark.parametrize("gate", [Softmax(degree=2), Temperature(tau=0.7)], ids=repr)
def test_gradients_of_average_effects_agree_with_differences(gate: Any) -> None:
    """Estimates and gradients in θ from the model alone, by differences in x, then in θ."""
    X, rng = rows()
    y, weight = response(X, rng), rng.uniform(0.5, 2.0, size=N)
    moe = GaussianMoE(2, gate, random_state=0, n_init=2, max_iter=50).fit(X, y, weight)
    fitted = moe.results(X, y, weight, withhold="singular").fitted
    spy, x = Spy(fitted.n_free), X.to_numpy()

    def effects(theta: Array) -> Array:
        params, found = fitted.params(theta), []
        for j in range(2):
            quotient = differences(
                lambda t, j=j: moe.model_.mean(params, x + t[0] * np.eye(3)[j]), np.zeros(1)
            )
            found.append(quotient[0] @ weight / weight.sum())
        ends = [x.copy(), x.copy()]
        ends[0][:, 2], ends[1][:, 2] = 0.0, 1.0
        change = moe.model_.mean(params, ends[1]) - moe.model_.mean(params, ends[0])
        return np.array([*found, change @ weight / weight.sum()])

    table = marginal_effects(fitted, spy, moe).table
    np.testing.assert_allclose(table["estimate"], effects(fitted.theta), rtol=1e-7, atol=1e-9)
    gradient = np.concatenate(spy.seen)  # type: ignore[attr-defined]
    expected = differences(effects, fitted.theta).T
    np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-7 * np.abs(expected).max())


def test_class_effects_sum_to_zero_and_average_over_the_rows() -> None:
    X, rng = rows()
    y = np.digitize(response(X, rng), [-1.0, 2.0])
    moe = MultinomialMoE(2, random_state=0, n_init=2, gate_penalty=1.0, expert_penalty=1.0).fit(
        X, y
    )
    results = moe.results(X, y, withhold="singular")
    table = results.marginal_effects(level=0.9).table
    sums = table.groupby("variable")["estimate"].sum()
    np.testing.assert_allclose(sums, 0.0, atol=1e-10)
    by_row = results.marginal_effects(at="rows").table
    assert by_row.columns[:3].tolist() == ["variable", "row", "class"]
    assert len(by_row) == 3 * N * 3
    means = by_row.groupby(["variable", "class"])["estimate"].mean()
    np.testing.assert_allclose(table.set_index(["variable", "class"])["estimate"], means, atol=1e-9)
    one = results.marginal_effects(X.iloc[[7]], variables="b").table
    alone = by_row[(by_row["variable"] == "b") & (by_row["row"] == 7)]
    np.testing.assert_allclose(one["estimate"], alone["estimate"], rtol=1e-6)
    np.testing.assert_allclose(one["se"], alone["se"], rtol=1e-6)


def test_weights_count_rows() -> None:
    X, rng = rows(120)
    y, copies = response(X, rng), rng.integers(1, 4, size=120)
    moe = GaussianMoE(2, random_state=0, n_init=3)
    weighted = moe.fit(X, y, copies).results(X, y, copies, withhold="singular")
    found = [weighted.marginal_effects(at=at).table for at in ("average", "mean")]
    X, y = X.loc[np.repeat(X.index, copies)].reset_index(drop=True), np.repeat(y, copies)
    repeated = moe.fit(X, y).results(X, y, withhold="singular")
    for at, table in zip(("average", "mean"), found, strict=True):
        other = repeated.marginal_effects(at=at).table
        pd.testing.assert_frame_equal(table, other, rtol=1e-4, atol=1e-6)


def test_what_does_not_depend_on_a_variable_has_an_effect_of_exactly_zero() -> None:
    X, rng = rows()
    y = response(X, rng)
    moe = GaussianMoE(2, gate_features=["a"], random_state=0, n_init=2).fit(X, y)
    table = moe.results(X, y, withhold="singular").marginal_effects(of="gate").table
    still = table[table["variable"] != "a"]
    assert len(still) == 4
    assert (still[["estimate", "se"]] == 0.0).all(axis=None) and still["z"].isna().all()
    assert (table[table["variable"] == "a"]["se"] > 0.0).all()


def test_effects_between_jumps_hold_the_active_experts() -> None:
    """With one active expert they are its slopes, also where a step in x would cross a boundary."""
    X, rng = rows()
    y = np.where(X["a"] > 0.3, 5.0 + 2.0 * X["a"], -5.0 - X["a"]) + 0.3 * rng.normal(size=N)
    moe = GaussianMoE(2, TopK(1), random_state=0, n_init=4).fit(X[["a"]], y)
    results = moe.results(X[["a"]], y, withhold="singular")
    chosen = moe.gate_proba(X[["a"]]).argmax(axis=1)
    edge = np.sort(X["a"])[np.flatnonzero(np.diff(chosen[np.argsort(X["a"])]))[0]]
    low, high = edge, np.sort(X["a"])[np.searchsorted(np.sort(X["a"]), edge) + 1]
    for _ in range(60):
        middle = 0.5 * (low + high)
        both = pd.DataFrame({"a": [middle, edge]})
        same = np.ptp(moe.gate_proba(both).argmax(axis=1)) == 0
        low, high = (middle, high) if same else (low, middle)
    near = pd.DataFrame({"a": [low - 1e-9, high + 1e-9]})
    effects = results.marginal_effects(near, at="rows")
    slopes = moe.params_.expert.coef[moe.gate_proba(near).argmax(axis=1), 0]
    assert slopes[0] != pytest.approx(slopes[1], rel=0.1)
    np.testing.assert_allclose(effects.table["estimate"], slopes, rtol=1e-8)
    assert "jumps" in effects.caveats[0] and "jumps" in str(effects.summary())
    assert results.marginal_effects(of="gate").table["estimate"].tolist() == [0.0, 0.0]


def test_effects_that_are_not_determined_are_withheld() -> None:
    X, rng = rows()
    y = response(X, rng)
    twice = X.assign(copy=X["a"])
    effects = GaussianMoE(1).fit(twice, y).results(twice, y).marginal_effects()
    table = effects.table.set_index("variable")
    assert table["se"].isna().tolist() == [True, False, False, True]
    assert "do not determine" in table.loc["a", "withheld"] and table.loc["b", "withheld"] == ""
    text = str(effects.summary())
    assert "withheld" in text and "do not determine" in " ".join(text.split())


def test_summary_is_text_html_and_latex() -> None:
    X, rng = rows()
    y = response(X, rng)
    X = X.rename(columns={"a": "age_<years>"})
    results = GaussianMoE(2, random_state=0, n_init=2).fit(X, y).results(X, y, withhold="singular")
    effects = results.marginal_effects(level=0.9)
    text = str(effects)
    assert "Marginal effects on E[y|x], average over the rows" in text
    assert "age_<years>" in text and "[0.05" in text and "0.95]" in text
    assert "changes between two values" in text
    assert max(map(len, text.splitlines())) <= 100
    assert "age_&lt;years&gt;" in effects._repr_html_()
    assert r"age\_" in effects.summary().as_latex()
    wide = effects.table["upper"] - effects.table["lower"]
    np.testing.assert_allclose(wide / effects.table["se"], 2.0 * 1.6448536, rtol=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"at": "median"}, r"at='median' is not one of 'average', 'mean', 'rows'"),
        ({"of": "variance"}, r"of='variance' is not one of 'mean', 'proba', 'gate'"),
        ({"of": "proba"}, r"of='proba': GaussianMoE has no classes; use of='mean'"),
        ({"variables": ["a", "z"]}, r"variables has 'z'; the fit has \['a', 'b', 'd'\]"),
        ({"level": 1.5}, r"level=1.5 must be in \(0, 1\)"),
    ],
)
def test_errors_name_argument_value_and_remedy(settings: dict[str, Any], message: str) -> None:
    X, rng = rows(40)
    y = response(X, rng)
    results = GaussianMoE(1).fit(X, y).results(X, y)
    with pytest.raises(ValueError, match=message):
        results.marginal_effects(**settings)
    with pytest.raises(TypeError, match="knows nothing of a row beside x"):
        results.marginal_effects(exposure=1.0)


@pytest.mark.slow
def test_standard_errors_are_the_spread_of_a_parametric_bootstrap() -> None:
    X, rng = rows(800)
    y = response(X, rng)
    moe = GaussianMoE(2, random_state=0, n_init=3).fit(X, y)
    results, some = moe.results(X, y, withhold="singular"), X.head(3)
    errors = [*results.marginal_effects().table["se"], *results.mean(some)["se"]]
    found = []
    for seed in range(200):
        again = moe.sample(X, random_state=seed)
        refit = GaussianMoE(2, random_state=0, n_init=1, init=moe.params_).fit(X, again)
        of = refit.results(X, again, withhold="singular")
        found.append([*of.marginal_effects().table["estimate"], *of.mean(some)["estimate"]])
    # A standard deviation from 200 replicates is known to 5 %.
    np.testing.assert_allclose(np.std(found, axis=0), errors, rtol=0.2)
