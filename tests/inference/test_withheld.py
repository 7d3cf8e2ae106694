"""Standard errors that would be false are withheld, the others are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mixexp import GaussianMoE, MultinomialMoE
from mixexp.datasets import load_ethanol, load_faithful, load_npreg
from mixexp.estimation.box import Box
from mixexp.inference.fitted import Fitted
from mixexp.inference.overspecification import Overspecification
from mixexp.inference.results import MoEResults
from mixexp.models import Activation, Binomial, Gaussian, MixtureOfExperts, Softmax, Temperature
from tests.inference.cases import results_of
from tests.instances import generator, regular_problem


def faithful():
    frame = load_faithful()
    return frame[["eruptions"]], frame["waiting"]


def test_nothing_is_withheld_of_a_regular_fit() -> None:
    X, y = faithful()
    results = GaussianMoE(n_experts=2, n_init=3, random_state=0).fit(X, y).results(X, y)
    assert (results.withheld == "").all() and results.bse.notna().all()
    assert results.caveats == ()
    assert not results.overspecification.found and results.overspecification.difference > 0.0


def test_a_gate_that_separates_is_withheld_and_its_experts_are_not() -> None:
    frame = load_ethanol()
    X, y = frame[["E"]], frame["NOx"]
    results = GaussianMoE(n_experts=2, n_init=5, random_state=0).fit(X, y).results(X, y)
    gate = results.params.index.str.startswith("gate")
    assert results.withheld[gate].str.startswith("the gate separates").all()
    assert results.bse[~gate].notna().all()
    # The likelihood of a step is that of two regressions on fixed parts of the data.
    shares = results.fitted.objective.responsibilities(results.fitted.theta)
    mine = shares[:, 0] > 0.5
    design = np.column_stack([np.ones(mine.sum()), X["E"][mine]])
    variance = np.exp(results.params["log-variance[0]"])
    expected = np.sqrt(np.diag(variance * np.linalg.inv(design.T @ design)))
    np.testing.assert_allclose(results.bse[["mean[0] 1", "mean[0] E"]], expected, rtol=1e-3)


def test_a_variance_is_known_beside_a_gate_that_separates() -> None:
    moe = GaussianMoE.from_formula(
        "NOx ~ poly(E, 2) + C | E", load_ethanol(), n_experts=3, random_state=0
    ).fit()
    results = moe.results()
    separated = results.withheld.str.startswith("the gate separates")
    assert separated.sum() >= 2 and (results.withheld[~separated] == "").all()
    # A regression on the rows of a step: the variance of its log-variance is 2/n. It is the expert
    # that is separated from all others: the last one if they all are from it.
    shares = results.fitted.objective.shares(results.fitted.theta)
    experts = {int(name.split("[")[1][0]) for name in results.params.index[separated]}
    k = 2 if len(experts) == 2 else experts.pop()
    n_rows = 88.0 * shares[k]
    assert results.bse[f"log-variance[{k}]"] == pytest.approx(np.sqrt(2.0 / n_rows), rel=0.02)


def test_a_gate_on_its_bound_is_withheld() -> None:
    frame = load_ethanol()
    X, y = frame[["E"]], frame["NOx"]
    moe = GaussianMoE(n_experts=2, n_init=5, random_state=0, bounds={"gate": 5.0}).fit(X, y)
    results = moe.results(X, y)
    assert moe.certificate_.active_bounds == ("gate[0] E",)
    # Beyond the bound lies a step, whose intercept is as infinite as its slope.
    assert results.withheld[["gate[0] 1", "gate[0] E"]].str.startswith("the gate separates").all()
    assert results.bse.filter(like="mean").notna().all()
    assert "standard errors take parameters on a bound as known" in results.caveats


def test_known_parameters_are_withheld_as_given() -> None:
    case, found = regular_problem(Temperature(tau=0.5), Gaussian())
    fitted = results_of(case, found).fitted
    lower, upper = case.box
    lower, upper = lower.copy(), upper.copy()
    lower[0] = upper[0] = fitted.theta[0]
    given = Fitted(**{**vars_of(fitted), "box": Box(lower, upper)})
    results = MoEResults(given, None, withhold="singular")
    assert "given" in results.withheld.iloc[0] and results.bse.iloc[1:].notna().all()
    # What is known takes no part in the information about the rest.
    information = -case.objective.evaluate(fitted.theta, 2).hessian[1:, 1:]
    expected = np.sqrt(np.diag(np.linalg.inv(information)))
    np.testing.assert_allclose(results.bse.iloc[1:], expected, rtol=1e-8)


def vars_of(fitted: Fitted):
    fields = ("objective", "theta", "box", "columns", "x", "y", "weight", "certificate")
    return {name: getattr(fitted, name) for name in fields}


# Of the second the score is small and not zero, which bends the Hessian along the ray.
@pytest.mark.parametrize("expert", [Gaussian(), Binomial()], ids=repr)
def test_the_ray_of_a_temperature_is_withheld_and_ratios_are_known(expert) -> None:
    case, found = regular_problem(Temperature(), expert)
    results = results_of(case, found, withhold="singular")
    gate = ["gate[0] 1", "gate[0] x0", "log-temperature"]
    assert results.withheld[gate].str.startswith("not identified").all()
    assert (results.withheld.drop(gate) == "").all()
    # Coefficients over temperature are determined, and so is the ratio of the coefficients.
    fitted = results.fitted
    a, b = fitted.theta[:2]
    ratio = np.zeros(fitted.n_free)
    ratio[:2] = 1.0 / b, -a / b**2
    assert results.covariance().estimable(ratio).tolist() == [True]
    assert np.isfinite(results.covariance().standard_error(ratio)).all()


def test_an_expert_with_certain_outcomes_is_withheld() -> None:
    rng = generator("certain outcomes")
    x = np.linspace(-2.0, 2.0, 200)
    y = np.where(x > 0.0, "always", np.where(rng.random(200) < 0.4, "always", "never"))
    X = pd.DataFrame({"x": x})
    settings = {"gate_penalty": 0.1, "expert_penalty": None, "n_init": 5, "random_state": 0}
    moe = MultinomialMoE(n_experts=2, degree=0, **settings).fit(X, y)
    (separated,) = moe.certificate_.separated_experts
    results = moe.results(X, y, withhold="singular")
    assert f"separate in expert {separated}" in results.withheld[f"class[0][{separated}]"]
    assert np.isfinite(results.bse[f"class[0][{1 - separated}]"])


def test_experts_that_one_could_stand_in_for_are_withheld() -> None:
    X, y = faithful()
    moe = GaussianMoE(n_experts=3, random_state=0).fit(X, y)
    results = moe.results(X, y)
    over = results.overspecification
    assert over.found and over.difference < 0.0
    a, b = over.pair
    third = ({0, 1, 2} - {a, b}).pop()
    names = results.params.index
    assert (
        results.withheld[names.str.contains(rf"\[{a}\]|\[{b}\]")].str.contains("may be one").all()
    )
    assert (results.bse.isna() == (results.withheld != "")).all()
    kept = names[names.str.contains(rf"(?:mean|variance)\[{third}\]")]
    assert results.bse[kept].notna().all()
    assert "test_n_experts" in over.message
    trusting = moe.results(X, y, withhold="singular")
    assert not trusting.overspecification.found
    assert trusting.bse[kept].equals(results.bse[kept])
    assert trusting.bse["log-variance[0]"] > 0.0


def test_the_gate_is_withheld_where_it_is_about_a_doubtful_expert() -> None:
    layout = MixtureOfExperts(Softmax(), Gaussian(), n_experts=4, n_columns=1).layout
    names = np.array(layout.names(["x"]))

    def gate_of(*pair: int) -> set[str]:
        entries = names[Overspecification(True, pair, -1.0).entries(layout)]
        return {name[:7] for name in entries if name.startswith("gate")}

    assert gate_of(0, 1) == {"gate[0]", "gate[1]"}
    # All coefficients are differences to the last expert.
    assert gate_of(1, 3) == {"gate[0]", "gate[1]", "gate[2]"}


def test_experts_that_differ_are_not_withheld() -> None:
    frame = load_npreg()
    X, y = frame[["x"]], frame["yn"]
    moe = GaussianMoE(n_experts=2, degree=2, gate_features=[], n_init=3, random_state=0).fit(X, y)
    results = moe.results(X, y)
    single = GaussianMoE(n_experts=1, degree=2).fit(X, y)
    expected = single.bic(X, y) - moe.bic(X, y)
    assert results.overspecification.difference == pytest.approx(expected, abs=1e-3)


def test_mergers_find_a_fit_near_the_best_with_one_expert_less() -> None:
    X, y = faithful()
    settings = {"n_init": 5, "random_state": 0}
    three = GaussianMoE(n_experts=3, **settings).fit(X, y)
    two = GaussianMoE(n_experts=2, **settings).fit(X, y)
    found = three.results(X, y).overspecification
    best = two.bic(X, y) - three.bic(X, y)
    assert best - 1e-3 <= found.difference <= best + 5.0
    # A weight of two on each row is twice the data, and twice the evidence.
    weight = np.full(len(y), 2.0)
    twice = GaussianMoE(n_experts=3, init=three.params_, n_init=1).fit(X, y, weight)
    doubled = twice.results(X, y, weight).overspecification.difference
    cost = 5 * np.log(len(y))
    assert doubled == pytest.approx(
        2.0 * (found.difference + cost) - 5 * np.log(2 * len(y)), abs=1e-2
    )
    sampled = twice.results(X, y, weight, weights="sampling", cov_type="sandwich")
    assert sampled.overspecification.difference == pytest.approx(found.difference, abs=1e-2)


def test_an_uncertified_fit_has_no_standard_errors() -> None:
    X, y = faithful()
    moe = GaussianMoE(n_experts=2, n_init=3, random_state=0).fit(X, y)
    moe.certificate_ = replace(moe.certificate_, holds=False)
    results = moe.results(X, y)
    assert results.bse.isna().all()
    assert results.withheld.str.contains("not a certified optimum").all()
    assert results.cov_params("sandwich").isna().all().all()
    assert "withheld" in str(results.summary())


def test_a_saddle_is_no_maximum_whatever_its_certificate_says() -> None:
    X, y = faithful()
    moe = GaussianMoE(n_experts=2, n_init=3, random_state=0).fit(X, y)
    fitted = moe.results(X, y).fitted
    single = GaussianMoE(n_experts=1).fit(X, y)
    # Two copies of the best single expert: the score is zero and the likelihood rises both ways.
    mean, log_variance = single._theta[:2], single._theta[2]
    twice = np.concatenate([np.zeros(2), mean, mean, [log_variance] * 2])
    results = MoEResults(Fitted(**{**vars_of(fitted), "theta": twice}), moe)
    assert results.withheld.str.contains("curves upwards").all()
    assert results.bse.isna().all()


def test_too_few_rows_for_outer_products_are_no_silent_nan() -> None:
    rng = generator("few rows")
    # As many rows as coefficients: the fit interpolates, and every score of the mean is zero.
    X, y = rng.normal(size=(6, 5)), rng.normal(size=6)
    moe = GaussianMoE(n_experts=1, bounds={"scale": (0.5, 10.0)}).fit(X, y)
    observed = moe.results(X, y)
    assert observed.bse.filter(like="mean").notna().all()
    assert observed.withheld["log-variance[0]"].startswith("the estimate lies on a bound")
    products = moe.results(X, y, cov_type="opg")
    told = products.withheld.filter(like="mean")
    assert told.str.contains("outer products of the scores say nothing").all()
    assert products.bse.isna().all() and products.cov_params().isna().all().all()
    assert observed.cov_params("opg").isna().all().all()


def test_columns_that_are_copies_are_withheld_and_others_kept() -> None:
    X, y = faithful()
    copies = X.assign(again=2.0 * X["eruptions"], other=np.sin(np.arange(len(X))))
    moe = GaussianMoE(n_experts=1).fit(copies, y)
    results = moe.results(copies, y)
    gone = ["mean[0] eruptions", "mean[0] again"]
    assert results.withheld[gone].str.startswith("not identified").all()
    alone = copies[["eruptions", "other"]]
    expected = GaussianMoE(n_experts=1).fit(alone, y).results(alone, y).bse
    kept = ["mean[0] 1", "mean[0] other"]
    np.testing.assert_allclose(results.bse[kept], expected[kept], rtol=1e-6)
    # Their joint effect is determined.
    sum_of_both = results.params.index.isin(gone) * np.array([0.0, 1.0, 2.0, 0.0, 0.0])
    error = results.covariance().standard_error(sum_of_both @ results.fitted.jacobian)
    assert error[0] == pytest.approx(expected["mean[0] eruptions"], rel=1e-6)


def test_the_pair_is_that_of_the_rows_and_not_of_the_start() -> None:
    # Climbs from all mergers end in the same two experts.
    rng = generator("two of three experts are one")
    X = rng.normal(size=(400, 2))
    first = rng.random(400) < 1.0 / (1.0 + np.exp(-1.5 * X[:, 0]))
    y = np.where(first, 1.0 + 2.0 * X[:, 0], -1.0 - X[:, 1]) + 0.5 * rng.normal(size=400)
    for seed in range(3):
        moe = GaussianMoE(n_experts=3, random_state=seed).fit(X, y)
        results = moe.results(X, y)
        truth = np.array([[1.0, 2.0, 0.0], [-1.0, 0.0, -1.0]])
        terms = ("1", "x0", "x1")
        found = [[results.params[f"mean[{k}] {term}"] for term in terms] for k in range(3)]
        near = [int(np.argmin(np.linalg.norm(truth - one, axis=1))) for one in found]
        twins = tuple(k for k in range(3) if near.count(near[k]) == 2)
        assert results.overspecification.pair == twins


def test_functions_of_experts_that_may_not_exist_are_withheld() -> None:
    X, y = faithful()
    moe = GaussianMoE(n_experts=3, n_init=5, random_state=0).fit(X, y)
    results, trusting = moe.results(X, y), moe.results(X, y, withhold="singular")
    over = results.overspecification
    rows = X.head(3)
    effects = results.marginal_effects(of="gate").table
    for table in (results.gate_proba(rows), results.expert_mean(rows), effects):
        doubtful = table["expert"].isin(over.pair)
        assert (table.loc[doubtful, "withheld"] == over.message).all()
        assert table.loc[doubtful, ["se", "lower", "upper"]].isna().all(axis=None)
        assert (table.loc[~doubtful, "withheld"] != over.message).all()
    assert trusting.gate_proba(rows)["se"].notna().all()
    # The law itself is known, whatever experts it is written with.
    assert (
        results.mean(rows)["se"].notna().all() and results.density(rows, y[:3])["se"].notna().all()
    )
    assert over.message in results.profile(f"log-variance[{over.pair[0]}]").findings


def test_an_expert_that_separates_up_to_its_bound_is_withheld() -> None:
    x = np.random.default_rng(0).uniform(-2.0, 2.0, size=(400, 1))
    y = x[:, 0] > 0.0
    settings = {"expert_penalty": None, "gate_penalty": None}
    moe = MultinomialMoE(n_experts=1, **settings).fit(x, y)
    assert moe.certificate_.active_bounds == ("class[0][0] x0",)
    results = moe.results(x, y)
    # The intercept is as infinite as the slope: a step far from zero needs both.
    assert results.withheld.str.startswith("the responses separate in expert 0").all()
    assert results.bse.isna().all()


@pytest.mark.parametrize("gate", [Activation(), Temperature(Activation(), tau=0.5)], ids=repr)
def test_mergers_under_a_gate_with_a_fixed_reference(gate) -> None:
    rng = generator("a fixed reference")
    X = rng.normal(size=(300, 1))
    scores = np.column_stack([2.0 * X[:, 0], -2.0 * X[:, 0], 0.0 * X[:, 0]])
    z = np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)
    y = np.choose(z, [3.0 + X[:, 0], -3.0 - X[:, 0], X[:, 0]]) + 0.4 * rng.normal(size=300)
    results = GaussianMoE(3, gate, n_init=3, random_state=0).fit(X, y).results(X, y)
    over = results.overspecification
    assert not over.found and over.difference > 50.0
    assert np.isfinite(results.bse.filter(like="mean")).all()
