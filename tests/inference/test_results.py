"""The results object: vocabulary, options, errors, and published standard errors."""

from __future__ import annotations

import copy
import json
import pickle
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.exceptions import NotFittedError

from mixexp import GaussianMoE, GLoME, PoissonMoE
from mixexp.datasets import load_ethanol, load_faithful, load_npreg
from mixexp.inference.results import MoEResults
from tests.estimators.test_reference_fits import CASES, INTERIOR, experts, fit

__all__ = ["fit"]


def test_the_vocabulary_of_statsmodels(moe, results, data) -> None:
    assert isinstance(results, MoEResults)
    assert results.llf == pytest.approx(moe.loglik_, rel=1e-12)
    assert results.aic == pytest.approx(moe.aic(*data)) and results.bic == pytest.approx(
        moe.bic(*data)
    )
    assert (results.nobs, results.df_model, results.df_resid) == (272.0, 8, 264.0)
    assert results.cov_type == "observed"
    assert results.params["mean[1] eruptions"] == pytest.approx(moe.params_.expert.coef[1, 0])
    assert results.params["log-variance[0]"] == pytest.approx(
        np.log(moe.params_.expert.variance[0])
    )
    z = results.params / results.bse
    pd.testing.assert_series_equal(results.tvalues, z)
    np.testing.assert_allclose(results.pvalues, 2.0 * (1.0 - norm.cdf(np.abs(z))), atol=1e-12)
    limits = results.conf_int(alpha=0.1)
    assert list(limits.columns) == ["lower", "upper"]
    half = norm.ppf(0.95) * results.bse
    np.testing.assert_allclose(limits["upper"], results.params + half)
    np.testing.assert_allclose(limits["lower"], results.params - half)
    np.testing.assert_allclose(np.sqrt(np.diag(results.cov_params())), results.bse)


def test_gate_coefficients_are_differences_to_the_last_expert(moe, results) -> None:
    gate = moe.params_.gate
    contrast = gate.coef[0, 0] - gate.coef[1, 0]
    assert results.params["gate[0] eruptions"] == pytest.approx(contrast, rel=1e-10)


def test_another_covariance_by_default(moe, data, results) -> None:
    robust = moe.results(*data, cov_type="sandwich")
    np.testing.assert_allclose(robust.bse, np.sqrt(np.diag(results.cov_params("sandwich"))))
    np.testing.assert_allclose(robust.cov_params("observed"), results.cov_params())
    groups = np.arange(272) // 8
    clustered = moe.results(*data, cov_type="cluster", groups=groups)
    np.testing.assert_allclose(clustered.cov_params(), results.cov_params("cluster", groups))
    # The groups are those of the results, which other kinds of covariance do without.
    np.testing.assert_allclose(clustered.cov_params("sandwich"), results.cov_params("sandwich"))


def test_a_later_fit_leaves_the_results_alone(data) -> None:
    moe = GaussianMoE(n_experts=2, n_init=3, random_state=0).fit(*data)
    results = moe.results(*data)
    before = results.bse.copy()
    moe.set_params(n_experts=1).fit(*data)
    fresh = copy.copy(results)
    assert results.estimator.params_.expert.variance.shape == (2,)
    pd.testing.assert_series_equal(fresh.bse, before)


def test_every_optimum_has_results(data) -> None:
    moe = GaussianMoE(n_experts=3, n_init=5, random_state=0).fit(*data)
    index = next(i for i in range(1, len(moe.optima_)) if moe.optima_["certified"][i])
    results = moe.use_optimum(index).results(*data)
    assert results.llf == pytest.approx(moe.optima_["loglik"][index])


def test_results_can_be_pickled(results) -> None:
    again = pickle.loads(pickle.dumps(results))
    pd.testing.assert_series_equal(again.bse, results.bse)


def test_a_formula_keeps_its_data() -> None:
    ethanol = load_ethanol()
    moe = GaussianMoE.from_formula("NOx ~ C + E", ethanol, n_init=2, random_state=0).fit()
    kept = moe.results()
    X = ethanol[["C", "E"]]
    given = GaussianMoE(n_init=2, random_state=0).fit(X, ethanol["NOx"]).results(X, ethanol["NOx"])
    np.testing.assert_allclose(kept.params, given.params, rtol=1e-8)
    pd.testing.assert_series_equal(kept.params, moe.results(ethanol).params)


def test_exposures_are_part_of_the_data() -> None:
    frame = load_npreg()
    X, y = frame[["x"]], frame["yp"]
    exposure = np.tile([1.0, 2.0], len(y) // 2)
    moe = PoissonMoE(n_experts=1).fit(X, y, exposure=exposure)
    assert moe.results(X, y, exposure=exposure).bse.notna().all()
    with pytest.raises(ValueError, match="not the data of the fit"):
        moe.results(X, y)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (0, {}, "needs the data of the fit"),
        (1, {}, "needs the data of the fit"),
        (2, {"cov_type": "hessian"}, "cov_type='hessian' is not one of 'observed', 'opg'"),
        (2, {"cov_type": "cluster"}, "needs groups="),
        (2, {"groups": np.arange(272)}, "use cov_type='cluster'"),
        (2, {"cov_type": "cluster", "groups": np.arange(9)}, "X has 272 rows"),
        (2, {"cov_type": "cluster", "groups": np.zeros(272)}, "one group only"),
        (2, {"cov_type": "cluster", "groups": [None] * 3 + [1, 2] * 134 + [1]}, "3 missing labels"),
        (2, {"weights": "probability"}, "neither 'frequency'"),
        (2, {"withhold": "never"}, "neither 'auto'"),
    ],
)
def test_errors_name_the_argument_and_the_remedy(moe, data, arguments, options, message) -> None:
    with pytest.raises(ValueError, match=message):
        moe.results(*data[:arguments], **options)


def test_other_data_are_refused(moe, data) -> None:
    X, y = data
    with pytest.raises(ValueError, match="not the data of the fit"):
        moe.results(X.head(200), y.head(200))
    with pytest.raises(ValueError, match="not the data of the fit"):
        moe.results(X, y, np.full(272, 2.0))


def test_an_unfitted_estimator_has_no_results(data) -> None:
    with pytest.raises(NotFittedError):
        GaussianMoE().results(*data)


def test_joint_laws_name_the_estimator_that_has_results() -> None:
    with pytest.raises(NotImplementedError, match=r"GaussianMoE\(gate=GaussianGate\(\)\)"):
        GLoME().results()


def test_few_groups_are_a_caveat(moe, data) -> None:
    few = moe.results(*data, cov_type="cluster", groups=np.arange(272) % 5)
    assert any("there are 5 groups" in caveat for caveat in few.caveats)
    many = moe.results(*data, cov_type="cluster", groups=np.arange(272) % 60)
    assert many.caveats == ()


def test_sampling_weights_need_a_robust_covariance(data) -> None:
    weight = np.tile([1.0, 3.0], 136)
    moe = GaussianMoE(n_experts=2, n_init=3, random_state=0).fit(*data, weight)
    with pytest.raises(ValueError, match="sampling weights are not part of"):
        moe.results(*data, weight, weights="sampling")
    with pytest.raises(ValueError, match="sampling weights are not part of"):
        moe.results(*data, weight, weights="sampling", cov_type="sandwich").cov_params("opg")


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.5, 95])
def test_alpha_is_a_probability(results, alpha) -> None:
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        results.conf_int(alpha)


# Of the fit of other software, from second derivatives by automatic differentiation.
PUBLISHED = {
    "gate[0] 1": 24.917821,
    "gate[0] eruptions": 7.3331074,
    "mean[0] 1": 5.7362643,
    "mean[0] eruptions": 1.3031339,
    "mean[1] 1": 3.3593831,
    "mean[1] eruptions": 1.5951959,
}


def test_standard_errors_of_faithful_are_the_published_ones(results) -> None:
    np.testing.assert_allclose(results.bse[list(PUBLISHED)], list(PUBLISHED.values()), rtol=1e-6)


@pytest.mark.parametrize("name", INTERIOR)
def test_standard_errors_are_the_published_ones(name, fit, reference_dir) -> None:
    case = CASES[name]
    path = reference_dir / "peers" / "cases" / f"{name}.json"
    published = json.loads(path.read_text("utf-8"))["se_observed_information"]
    moe, X, given = fit(name)
    results = moe.results(X, **given, withhold="singular")
    found, known = experts(moe, case)
    distance = [np.abs(found[list(p)] - known).max() for p in permutations(range(len(found)))]
    order = list(permutations(range(len(found))))[int(np.argmin(distance))]
    if case["family"] != "multinom":
        terms = len(published["beta"])
        for j, k in enumerate(order):
            mine = results.bse[results.params.index.str.fullmatch(rf"(?:mean|log-[a-z]*)\[{k}\].*")]
            np.testing.assert_allclose(mine[:terms], np.array(published["beta"])[:, j], rtol=1e-4)
    contrasts = gate_contrasts(results, case["n_experts"], order)
    np.testing.assert_allclose(contrasts, np.transpose(published["gate"]), rtol=1e-4)


def gate_contrasts(results: MoEResults, n_experts: int, order: tuple[int, ...]) -> np.ndarray:
    """Standard errors of the gate's differences to the first expert of an order."""
    layout = results.fitted.model.layout
    n_terms = layout.shapes[0][1]
    law = results.covariance()
    errors = []
    for k in order[1:]:
        rows = np.zeros((n_terms, layout.n_free))
        for expert, sign in ((k, 1.0), (order[0], -1.0)):
            if expert < n_experts - 1:
                rows[:, expert * n_terms : (expert + 1) * n_terms] += sign * np.eye(n_terms)
        errors.append(law.standard_error(rows @ results.fitted.jacobian))
    return np.array(errors)


def test_results_keep_the_data_as_they_were() -> None:
    frame = load_faithful()
    x, y = np.array(frame[["eruptions"]]), np.array(frame["waiting"], dtype=float)
    weight = np.ones(len(y))
    moe = GaussianMoE(n_experts=2, n_init=3, random_state=0).fit(x, y, weight)
    kept, mine = moe.results(x, y, weight), moe.results(*map(np.copy, (x, y, weight)))
    x[:], y[:], weight[:] = 0.0, 0.0, 5.0
    np.testing.assert_array_equal(kept.cov_params("sandwich"), mine.cov_params("sandwich"))
    effects = [results.marginal_effects().table for results in (kept, mine)]
    pd.testing.assert_frame_equal(*effects)
    boots = [results.bootstrap(2, random_state=0).replicates for results in (kept, mine)]
    pd.testing.assert_frame_equal(*boots)


def test_few_observations_are_told() -> None:
    frame = load_faithful()
    x, y = frame[["eruptions"]].to_numpy()[:7], frame["waiting"].to_numpy(float)[:7]
    moe = GaussianMoE(n_experts=1, degree=5).fit(x, y)
    results = moe.results(x, y)
    assert results.df_resid == 0.0
    assert any("7 observations for 7 parameters" in caveat for caveat in results.caveats)
    assert not moe.set_params(degree=4).fit(x, y).results(x, y).caveats


def test_a_penalty_on_nothing_is_none() -> None:
    frame = load_faithful()
    X, y = frame[["eruptions"]], frame["waiting"]
    line = GaussianMoE(n_experts=1, gate_penalty=0.1).fit(X, y).results(X, y)
    level = GaussianMoE(n_experts=1, degree=0, expert_penalty=1.0).fit(X, y).results(X, y)
    assert line.caveats == level.caveats == ()
    assert line.profile("mean[0] eruptions").findings == ()
    assert line.lr_test(level).df == 1


def test_reading_a_fit_does_not_move_its_random_state(data) -> None:
    state = np.random.RandomState(3)
    moe = GaussianMoE(n_experts=2, n_init=1, random_state=state).fit(*data)
    before = state.get_state()[2]
    results = moe.results(*data, withhold="singular")
    results.profile("mean[0] 1")
    results.bootstrap(n_boot=2, n_starts=0, random_state=0)
    results.test_n_experts(n_boot=1, n_starts=1, random_state=0)
    assert state.get_state()[2] == before
