"""Profile likelihood: closed forms, independent maximisation, equivariance, infinite ends."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq, minimize
from scipy.stats import chi2, norm

from mixexp import GaussianMoE, MultinomialMoE, PoissonMoE
from mixexp.datasets import load_ethanol, load_faithful, load_npreg, load_tonedata
from mixexp.inference.fixing import Fixing
from mixexp.inference.profile import profile
from mixexp.models import Temperature, TopK

LEVEL = 0.95
CUT = float(chi2.ppf(LEVEL, 1))


@pytest.fixture(scope="module")
def line():
    """A regression line far from the origin, its fit, and least squares."""
    rng = np.random.default_rng(0)
    x = 1000.0 + rng.normal(size=(50, 1))
    y = 3.0 + 2.0 * x[:, 0] + rng.normal(size=50)
    design = np.column_stack([np.ones(50), x])
    inverse = np.linalg.inv(design.T @ design)
    beta = np.linalg.lstsq(design, y, rcond=None)[0]
    variance = float(np.mean((y - design @ beta) ** 2))
    return GaussianMoE(n_experts=1).fit(x, y).results(x, y), beta, inverse, variance


@pytest.fixture(scope="module")
def tone():
    data = load_tonedata()
    X, y = data[["stretchratio"]], data["tuned"]
    return GaussianMoE(2, n_init=20, random_state=0).fit(X, y).results(X, y)


@pytest.fixture(scope="module")
def ethanol():
    data = load_ethanol()
    return (
        GaussianMoE(2, random_state=0)
        .fit(data[["E"]], data["NOx"])
        .results(data[["E"]], data["NOx"])
    )


@pytest.mark.parametrize("j", [0, 1])
def test_coefficients_of_a_line_have_the_intervals_of_the_f_test(line, j):
    results, beta, inverse, variance = line
    half = np.sqrt(50 * variance * inverse[j, j] * np.expm1(CUT / 50))
    found = results.profile(results.params.index[j])
    assert found.interval == pytest.approx((beta[j] - half, beta[j] + half), rel=1e-6)
    wanted = -25.0 * np.log1p((found.grid - beta[j]) ** 2 / (50 * variance * inverse[j, j]))
    np.testing.assert_allclose(found.loglik - results.llf, wanted, atol=1e-6)


def test_the_log_variance_of_a_line_has_its_closed_form(line):
    results, *_, variance = line

    def fall(v: float) -> float:
        return 50.0 * (v - np.log(variance) + variance * np.exp(-v) - 1.0) - CUT

    top = np.log(variance)
    ends = brentq(fall, top - 3.0, top), brentq(fall, top, top + 3.0)
    assert results.profile("log-variance[0]").interval == pytest.approx(ends, abs=1e-6)


def test_with_many_rows_it_is_walds_interval():
    rng = np.random.default_rng(1)
    x = rng.uniform(-2.0, 2.0, size=(40_000, 1))
    left = rng.random(40_000) < 1.0 / (1.0 + np.exp(-1.0 - 2.0 * x[:, 0]))
    y = np.where(left, 1.0 + x[:, 0], -1.0) + 0.5 * rng.normal(size=40_000)
    results = GaussianMoE(2, n_init=2, random_state=0).fit(x, y).results(x, y)
    ends = results.conf_int()
    for name in ("gate[0] 1", "gate[0] x0", "mean[1] x0", "log-variance[0]"):
        width = ends.loc[name, "upper"] - ends.loc[name, "lower"]
        found = np.array(results.profile(name).interval)
        np.testing.assert_allclose(found, ends.loc[name], atol=0.01 * width)


@pytest.mark.parametrize("name", ["gate[0] 1", "gate[0] stretchratio", "mean[1] 1"])
def test_ends_are_where_another_maximiser_finds_the_cutoff(tone, name):
    fitted = tone.fitted
    found = tone.profile(name)
    index = fitted.names.index(name)
    others = np.arange(fitted.n_free) != index
    # In units of standard errors of the other parameters.
    unit = tone.bse.to_numpy()[others]
    scale = fitted.objective.data.log_scale
    for end in found.interval:

        def loss(u, end=end):
            psi = fitted.psi.copy()
            psi[index] = end
            psi[others] += unit * u
            return scale - fitted.objective.evaluate(fitted.solver(psi)).value

        best = min(
            minimize(loss, start, method="BFGS", options={"gtol": 1e-7}).fun
            for start in (np.zeros(others.sum()), 0.3 * np.ones(others.sum()))
        )
        assert -best == pytest.approx(found.cutoff, abs=1e-4)


def test_its_points_lie_on_the_constraint_and_are_stationary_off_it(tone):
    fitted = tone.fitted
    for index in range(fitted.n_free):
        fixing = Fixing(fitted, index)
        point = fixing.maximise(0.1 * fixing.standard_error, fitted.theta)
        wanted = fitted.psi[index] + 0.1 * fixing.standard_error * fixing.unit
        assert fitted.user(point.theta)[index] == pytest.approx(wanted, rel=1e-9)
        assert point.stationary
        gradient = fitted.objective.evaluate(point.theta, 1).gradient
        across = fixing.row / np.linalg.norm(fixing.row)
        np.testing.assert_allclose(gradient, (across @ gradient) * across, atol=1e-4)


def test_the_standard_error_is_that_of_the_observed_information(tone):
    for index, name in enumerate(tone.fitted.names):
        fixing = Fixing(tone.fitted, index)
        error = abs(fixing.unit) * fixing.standard_error
        assert error == pytest.approx(tone.bse[name], rel=1e-6)


def test_units_of_the_data_change_the_units_of_the_interval_only(tone):
    data = load_tonedata()
    X, y = 1000.0 + 50.0 * data[["stretchratio"]], 3.0 - 0.01 * data["tuned"]
    other = GaussianMoE(2, n_init=20, random_state=0).fit(X, y).results(X, y)
    sharp = int(np.argmin([other.params["log-variance[0]"], other.params["log-variance[1]"]]))
    before = np.array(tone.profile("mean[0] stretchratio").interval)
    after = np.array(other.profile(f"mean[{sharp}] stretchratio").interval)
    np.testing.assert_allclose(after, np.sort(-0.01 / 50.0 * before), rtol=1e-5)


def test_a_gate_that_separates_has_one_sided_intervals(ethanol):
    slope, constant = ethanol.profile("gate[0] E"), ethanol.profile("gate[0] 1")
    assert slope.interval[1] == np.inf and 0.0 < slope.interval[0] < slope.estimate
    assert constant.interval[0] == -np.inf and constant.interval[1] < 0.0
    assert any("no upper end" in text for text in slope.findings)
    # Both are about the steepness of one step between the same observations.
    assert slope.interval[0] / -constant.interval[1] == pytest.approx(1.0, abs=0.1)
    assert np.isfinite(ethanol.profile("mean[0] E").interval).all()


def test_it_is_longer_on_the_side_where_the_data_say_less():
    data = load_faithful()
    X, y = data[["eruptions"]], data["waiting"]
    results = GaussianMoE(2, random_state=0).fit(X, y).results(X, y)
    found = results.profile("gate[0] eruptions", level=0.6)
    below, above = found.estimate - found.interval[0], found.interval[1] - found.estimate
    # The sides change places with the labels of the experts.
    assert max(below, above) > 1.5 * min(below, above)


def test_a_ridge_is_part_of_the_profile_and_it_says_so():
    data = load_ethanol()
    moe = GaussianMoE(2, gate_penalty=0.5, random_state=0).fit(data[["E"]], data["NOx"])
    results = moe.results(data[["E"]], data["NOx"])
    found = results.profile("gate[0] E")
    assert np.isfinite(found.interval).all()
    assert any("penalised" in text for text in found.findings)
    objective, scale = results.fitted.objective, results.fitted.objective.data.log_scale
    top = objective.evaluate(results.fitted.theta).value - scale
    assert found.loglik.max() == pytest.approx(top, abs=1e-8)
    assert top < results.llf - 0.1


def test_a_higher_fit_on_the_way_is_used_and_reported(tone):
    fitted = tone.fitted
    rng = np.random.default_rng(0)
    beside = replace(fitted, theta=fitted.theta + 0.02 * rng.normal(size=fitted.n_free))
    found = profile(beside, "mean[1] 1")
    assert "nats higher" in found.findings[0]
    assert found.interval == pytest.approx(tone.profile("mean[1] 1").interval, rel=1e-5)
    assert found.estimate == pytest.approx(tone.params["mean[1] 1"], rel=1e-6)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_the_level_sets_the_cutoff(tone, level):
    found = tone.profile("mean[0] 1", level)
    assert found.cutoff == pytest.approx(tone.llf - 0.5 * chi2.ppf(level, 1), abs=1e-9)
    at_ends = found.table[np.isin(found.grid, found.interval)]
    np.testing.assert_allclose(np.abs(at_ends["root"]), norm.ppf(0.5 + level / 2), atol=1e-5)
    assert np.all(np.diff(found.grid) > 0.0)


def test_counts_and_classes_have_profiles():
    data = load_npreg()
    X, y = data[["x"]], data["yp"]
    results = PoissonMoE(2, n_init=3, random_state=0).fit(X, y).results(X, y)
    for name in results.params.index:
        low, high = results.profile(name).interval
        assert low < results.params[name] < high
    rng = np.random.default_rng(2)
    x = rng.normal(size=(200, 1))
    label = np.where(rng.random(200) < 1.0 / (1.0 + np.exp(-x[:, 0])), "a", "b")
    alone = MultinomialMoE(1, expert_penalty=None).fit(x, label).results(x, label)
    found = alone.profile("class[0][0] x0")

    def fall(slope: float) -> float:
        def loss(constant):
            u = constant + slope * x[:, 0]
            return np.sum(np.log1p(np.exp(u)) - (label == "a") * u)

        return 2.0 * (alone.llf + minimize(loss, 0.0).fun) - CUT

    top = alone.params["class[0][0] x0"]
    ends = brentq(fall, top - 2.0, top), brentq(fall, top, top + 2.0)
    assert found.interval == pytest.approx(ends, abs=1e-4)


def test_scores_of_a_sparse_gate_have_none_and_its_experts_have():
    rng = np.random.default_rng(3)
    x = rng.uniform(-1.0, 1.0, size=(150, 1))
    y = np.where(x[:, 0] < 0.0, 1.0 + x[:, 0], -1.0) + 0.1 * rng.normal(size=150)
    results = GaussianMoE(2, TopK(1, select="logit"), n_init=3, random_state=0).fit(x, y)
    results = results.results(x, y)
    with pytest.raises(ValueError, match=r"jumps as .* use bootstrap\(\)"):
        results.profile("gate[0] x0")
    found = results.profile("mean[0] x0")
    assert np.isfinite(found.interval).all()
    assert any("held where the fit has them" in text for text in found.findings)


def test_errors_name_the_argument(tone):
    with pytest.raises(ValueError, match=r"level=1.5 is not in \(0, 1\)"):
        tone.profile("mean[0] 1", level=1.5)
    with pytest.raises(ValueError, match=r"name='slope' is not a parameter; use one of \['gate"):
        tone.profile("slope")
    box = tone.fitted.box
    same = box.lower.copy()
    same[2] = box.upper[2]
    given = replace(tone.fitted, box=box._replace(lower=same))
    with pytest.raises(ValueError, match="given by equal bounds"):
        profile(given, tone.fitted.names[2])


def test_an_end_that_a_bound_of_another_parameter_sets_is_told() -> None:
    # Along the ray of a free temperature every value of a gate coefficient is as good.
    data = load_faithful()
    X, y = data[["eruptions"]], data["waiting"]
    gate = Temperature(normalize=False)
    results = GaussianMoE(2, gate, n_init=3, random_state=2).fit(X, y).results(X, y)
    assert results.withheld["gate[0] eruptions"].startswith("not identified")
    curve = results.profile("gate[0] eruptions")
    told = [text for text in curve.findings if "on a bound of the parameter space" in text]
    # Each end is told: a finite one as another parameter's bound, else that there is none.
    assert len(told) == int(np.isfinite(curve.interval).sum()) > 0
    assert len(curve.findings) == 2 and all("bound" in text for text in curve.findings)
    assert results.profile("mean[0] eruptions").findings == ()
