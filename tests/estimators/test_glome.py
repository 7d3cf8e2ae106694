"""GLoME: published fits, scikit-learn's checks, predictions, starts, oracles, high dimension."""

from __future__ import annotations

import json
import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

from mixexp import BLoME, GLoME
from mixexp.models.covariances import BlockDiagonal, Covariance, Diagonal, Full, Isotropic

Array = np.ndarray

PUBLISHED = [
    "faithful_gllim_k2_sigfull", "iris2_gllim_k3_gamdiag_sigdiag", "iris2_gllim_k3_sigfull",
    "iris_gllim_k2_sigdiag", "iris_gllim_k2_sigfull", "iris_gllim_k2_sigfull_eq",
    "iris_gllim_k2_sigiso", "iris_gllim_k2_sigiso_eq", "iris_gllim_k3_sigdiag",
    "iris_gllim_k3_sigfull_eq",
]  # fmt: skip
WIDE = ["dataxllim_gllim_k5_sigdiag", "dataxllim_gllim_k5_sigiso"]


def structure(text: str) -> Covariance:
    """The covariance of a published case: i, d or nothing (full), * for equal ones."""
    kinds: dict[str, type[Covariance]] = {"i": Isotropic, "d": Diagonal, "": Full}
    return kinds[text.rstrip("*").replace("full", "")]("shared" if "*" in text else "expert")


def published(folder: Path, name: str) -> tuple[dict[str, Any], Array, Array]:
    """A case and its columns: the gate's variable (n, L) and the experts' (n, D)."""
    case = json.loads((folder / "peers" / "cases" / f"gllim_{name}.json").read_text("utf-8"))
    frame = pd.read_csv(folder / "peers" / "data" / f"{case['data']}.csv")
    gate = np.atleast_1d(case["x"]).tolist()
    expert = np.atleast_1d(case.get("y") or [c for c in frame if c.startswith("y")]).tolist()
    return case, frame[gate].to_numpy(float), frame[expert].to_numpy(float)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_fits_are_reached(name: str, reference_dir: Path) -> None:
    case, u, v = published(reference_dir, name)
    settings: dict[str, Any] = {
        "gate_covariance": structure(case["Gamma"]), "covariance": structure(case["Sigma"]),
        "random_state": 0,
    }  # fmt: skip
    direct = GLoME(case["K"], direction="direct", **settings).fit(u, v)
    assert direct.joint_loglik_ >= case["joint_loglik"] - 1e-4
    assert direct.n_parameters_ == case["npar"]
    assert direct.converged_
    if direct.joint_loglik_ <= case["joint_loglik"] + 1e-4:
        assert direct.loglik_ == pytest.approx(case["conditional_loglik"], abs=1e-2)
    # The same joint law, with the roles of covariates and responses exchanged.
    inverse = GLoME(case["K"], **settings).fit(v, u)
    assert inverse.joint_loglik_ == pytest.approx(direct.joint_loglik_, abs=1e-6)


@pytest.mark.parametrize("name", WIDE)
def test_published_fits_of_many_covariates_are_reached(name: str, reference_dir: Path) -> None:
    """100 rows and a thousand parameters: one of the program's 60 starts found the best, from which
    this climb starts too."""
    case, u, v = published(reference_dir, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        glome = GLoME(
            case["K"], covariance=structure(case["Sigma"]), n_init=1, init=case["start_resp"]
        ).fit(v, u)
    assert glome.n_parameters_ == case["npar"]
    assert glome.optima_["joint_loglik"].max() >= case["joint_loglik"] - 1e-3


@pytest.mark.filterwarnings("ignore::mixexp.selection.UnreliableSelectionWarning")
@parametrize_with_checks([
    GLoME(n_init=1),
    GLoME(n_init=1, direction="direct"),
    GLoME(n_init=1, covariance=Diagonal()),
    BLoME(n_init=1),
])  # fmt: skip
def test_estimator_checks(estimator, check) -> None:
    check(estimator)


# -- predictions


def bends(n: int = 300, n_responses: int = 1, d: int = 2, seed: int = 0) -> tuple[Array, Array]:
    """Rows of a law with two clearly different experts."""
    rng = np.random.default_rng(seed)
    label = rng.integers(2, size=n)
    y = rng.normal(size=(n, n_responses)) + 3.0 * label[:, None]
    a = rng.normal(size=(2, n_responses, d))
    x = np.einsum("il,ild->id", y, a[label]) + 4.0 * label[:, None] + 0.5 * rng.normal(size=(n, d))
    return x, y[:, 0] if n_responses == 1 else y


@pytest.fixture(scope="module", params=["inverse", "direct"])
def single(request) -> tuple[GLoME, Array, Array]:
    x, y = bends()
    return GLoME(2, direction=request.param, n_init=3, random_state=0).fit(x, y), x, y


@pytest.fixture(scope="module", params=["inverse", "direct"])
def double(request) -> tuple[GLoME, Array, Array]:
    x, y = bends(n_responses=2, d=3)
    return GLoME(2, direction=request.param, n_init=3, random_state=0).fit(x, y), x, y


def test_predictions_of_one_response_have_their_shapes(single) -> None:
    glome, x, _ = single
    assert glome.predict(x[:5]).shape == (5,)
    assert [a.shape for a in glome.predict(x[:5], return_std=True)] == [(5,), (5,)]
    assert glome.predict(x[:5], return_cov=True)[1].shape == (5, 1, 1)
    assert glome.predict_quantile(x[:5]).shape == (5,)
    assert glome.predict_quantile(x[:5], [0.1, 0.5, 0.9]).shape == (5, 3)
    assert glome.predict_interval(x[:5]).shape == (5, 2)
    assert glome.sample(x[:5], random_state=0).shape == (5,)
    assert glome.gate_proba(x[:5]).shape == glome.predict_expert(x[:5]).shape == (5, 2)


def test_predictions_of_several_responses_have_their_shapes(double) -> None:
    glome, x, y = double
    assert glome.predict(x[:5]).shape == (5, 2)
    assert glome.predict(x[:5], return_std=True)[1].shape == (5, 2)
    assert glome.predict(x[:5], return_cov=True)[1].shape == (5, 2, 2)
    assert glome.predict_quantile(x[:5]).shape == (5, 2)
    assert glome.predict_quantile(x[:5], [0.1, 0.5, 0.9]).shape == (5, 2, 3)
    assert glome.predict_interval(x[:5]).shape == (5, 2, 2)
    assert glome.sample(x[:5], random_state=0).shape == (5, 2)
    assert glome.gate_proba(x[:5]).shape == (5, 2)
    assert glome.predict_expert(x[:5]).shape == (5, 2, 2)
    assert glome.predict_inverse(y[:5]).shape == (5, 3)


def test_predictions_agree_with_each_other(single) -> None:
    glome, x, y = single
    mean, std = glome.predict(x, return_std=True)
    parts = np.sum(glome.gate_proba(x) * glome.predict_expert(x), axis=1)
    np.testing.assert_allclose(mean, parts, rtol=1e-9)
    np.testing.assert_allclose(glome.predict(x, return_cov=True)[1][:, 0, 0], std**2, rtol=1e-9)
    band = glome.predict_interval(x, 0.8)
    np.testing.assert_allclose(band, glome.predict_quantile(x, [0.1, 0.9]), rtol=1e-9)
    assert np.mean((band[:, 0] <= y) & (y <= band[:, 1])) == pytest.approx(0.8, abs=0.07)
    draws = glome.sample(x[:3], 5000, random_state=0)
    assert draws.shape == (5000, 3)
    np.testing.assert_allclose(draws.mean(axis=0), mean[:3], atol=5 * std.max() / 70)


def test_scores_are_log_densities(double) -> None:
    glome, x, y = double
    conditional = glome.score_samples(x, y)
    assert conditional.sum() == pytest.approx(glome.loglik_, rel=1e-10)
    joint = glome.joint_score_samples(x, y)
    assert joint.sum() == pytest.approx(glome.joint_loglik_, rel=1e-10)
    assert glome.measure_loglik(glome.measure_, x, y) == pytest.approx(glome.joint_loglik_)
    np.testing.assert_allclose(conditional, glome.predict_dist(x).logpdf(y), rtol=1e-8)
    # log p(x) does not depend on the response.
    other = y[::-1].copy()
    np.testing.assert_allclose(
        joint - conditional, glome.joint_score_samples(x, other) - glome.score_samples(x, other),
        rtol=1e-7, atol=1e-8,
    )  # fmt: skip
    r = glome.responsibilities(x, y)
    np.testing.assert_allclose(r.sum(axis=1), 1.0)
    weight = r.mean(axis=0)
    np.testing.assert_allclose(weight, glome.measure_.weight, atol=1e-5)


def test_both_regressions_of_one_law(double) -> None:
    """E(x | y) of a law is the prediction of its mirror image."""
    glome, x, y = double
    mirrored = "direct" if glome.direction == "inverse" else "inverse"
    other = GLoME(2, direction=mirrored, init=glome.params_, n_init=1).fit(y, x)
    np.testing.assert_allclose(other.joint_loglik_, glome.joint_loglik_, rtol=1e-9)
    np.testing.assert_allclose(glome.predict_inverse(y), other.predict(y), rtol=1e-4, atol=1e-4)


def test_bent_experts_predict_in_both_directions() -> None:
    rng = np.random.default_rng(0)
    y = rng.uniform(-2.0, 2.0, 300)
    x = np.column_stack([y**2 + y, y]) + 0.2 * rng.normal(size=(300, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        bent = GLoME(1, degree=2, random_state=0).fit(x, y)
        basis = GLoME(1, basis=[lambda u: u[:, 0], lambda u: u[:, 0] ** 2], random_state=0)
        basis.fit(x, y)
        direct = GLoME(1, degree=2, direction="direct", random_state=0).fit(x, y)
    assert bent.joint_loglik_ == pytest.approx(basis.joint_loglik_, rel=1e-6)
    for glome in (bent, direct):
        assert np.corrcoef(glome.predict(x), y)[0, 1] > 0.95
        assert glome.score_samples(x, y).sum() == pytest.approx(glome.loglik_, rel=1e-9)
        assert glome.sample(x[:4], 3, random_state=0).shape == (3, 4)
        assert glome.predict_interval(x[:4]).shape == (4, 2)
    with pytest.raises(ValueError, match="direction='direct'"):
        bent.gate_proba(x)
    with pytest.raises(ValueError, match="2 responses"):
        GLoME(1, degree=2).fit(x, np.column_stack([y, y]))


def test_one_column_of_responses_comes_back_as_a_column() -> None:
    x, y = bends(100)
    flat = GLoME(2, n_init=2, random_state=0).fit(x, y)
    column = GLoME(2, n_init=2, random_state=0).fit(x, y[:, None])
    assert column.predict(x).shape == (100, 1)
    np.testing.assert_array_equal(column.predict(x)[:, 0], flat.predict(x))
    assert column.joint_loglik_ == flat.joint_loglik_


# -- starts, weights, optima


def test_starts_in_every_form_lead_to_the_fit(single) -> None:
    glome, x, y = single
    r = glome.responsibilities(x, y)
    for init in (
        glome.measure_,
        glome.params_,
        r,
        r.tolist(),
        [glome.measure_],
        [glome.params_, r],
        [r, r],
    ):
        again = GLoME(2, direction=glome.direction, init=init, n_init=1).fit(x, y)
        assert again.joint_loglik_ == pytest.approx(glome.joint_loglik_, abs=1e-6)


@pytest.mark.parametrize(
    ("init", "message"),
    [
        (np.ones((300, 3)), r"init has shape \(300, 3\)"),
        (np.ones((299, 2)), r"init has shape \(299, 2\)"),
        (-np.ones((300, 2)), "negative"),
        (np.zeros((300, 2)), "zero in a whole row"),
        (np.full((300, 2), np.nan), "not finite"),
    ],
)
def test_starts_that_are_none_are_refused(init: Array, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GLoME(2, init=init).fit(*bends())


def test_warm_start_does_not_descend() -> None:
    x, y = bends()
    glome = GLoME(1, warm_start=True, n_init=2, random_state=0).fit(x, y)
    values = [glome.joint_loglik_]
    for k in (2, 2, 3):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            values.append(glome.set_params(n_experts=k).fit(x, y).joint_loglik_)
        assert glome.measure_.n_atoms == k
    assert np.all(np.diff(values) >= -1e-6), values


def test_weights_are_repeated_rows_and_zeros_are_absent() -> None:
    x, y = bends(150)
    times = np.random.default_rng(3).integers(0, 3, 150)
    start = GLoME(2, n_init=3, random_state=0).fit(x, y).params_
    settings: dict[str, Any] = {"init": start, "n_init": 1, "standardize": False}
    weighted = GLoME(2, **settings).fit(x, y, sample_weight=times)
    repeated = GLoME(2, **settings).fit(np.repeat(x, times, axis=0), np.repeat(y, times))
    assert weighted.joint_loglik_ == pytest.approx(repeated.joint_loglik_, rel=1e-10)
    assert weighted.loglik_ == pytest.approx(repeated.loglik_, rel=1e-7)
    np.testing.assert_allclose(weighted.predict(x), repeated.predict(x), atol=1e-5)


def test_other_optima_can_be_looked_at() -> None:
    x, y = bends(60, seed=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        glome = GLoME(4, n_init=12, random_state=0).fit(x, y)
    table = glome.optima_
    assert len(table) > 1
    best = glome.joint_loglik_
    for i, row in table.iterrows():
        glome.use_optimum(int(i))
        assert glome.joint_loglik_ == row["joint_loglik"]
        assert glome.joint_score_samples(x, y).sum() == pytest.approx(row["joint_loglik"])
        assert glome.score_samples(x, y).sum() == pytest.approx(row["loglik"])
    glome.use_optimum(0)
    assert glome.joint_loglik_ == best
    with pytest.raises(IndexError, match="distinct optima"):
        glome.use_optimum(len(table))


def test_threads_and_seeds() -> None:
    x, y = bends()
    one = GLoME(3, n_init=3, random_state=0).fit(x, y)
    two = GLoME(3, n_init=3, random_state=0, n_jobs=2).fit(x, y)
    assert one.joint_loglik_ == two.joint_loglik_
    np.testing.assert_array_equal(one.params_.table, two.params_.table)


# -- oracles and equivariance


@pytest.mark.parametrize("direction", ["inverse", "direct"])
def test_one_expert_is_least_squares(direction: str) -> None:
    x, y = bends(200)
    glome = GLoME(1, direction=direction).fit(x, y)
    design = np.column_stack([np.ones(200), x])
    coef = np.linalg.lstsq(design, y, rcond=None)[0]
    fitted = design @ coef
    sigma = np.sqrt(np.mean((y - fitted) ** 2))
    np.testing.assert_allclose(glome.predict(x), fitted, rtol=1e-8)
    assert glome.loglik_ == pytest.approx(norm(fitted, sigma).logpdf(y).sum(), rel=1e-9)
    assert glome.converged_ and glome.n_free_ == 4


@pytest.mark.parametrize("direction", ["inverse", "direct"])
def test_full_covariances_follow_affine_changes_of_the_data(direction: str) -> None:
    x, y = bends(200)
    a = np.array([[2.0, 1.0], [-0.5, 3.0]])
    glome = GLoME(2, direction=direction, n_init=3, random_state=0).fit(x, y)
    r = glome.responsibilities(x, y)
    moved = GLoME(2, direction=direction, init=r, n_init=1)
    moved.fit(x @ a + [100.0, -5.0], 1e3 * y + 7.0)
    volume = 200 * (np.log(abs(np.linalg.det(a))) + np.log(1e3))
    assert moved.joint_loglik_ == pytest.approx(glome.joint_loglik_ - volume, abs=1e-5)
    there = moved.predict(x @ a + [100.0, -5.0])
    np.testing.assert_allclose((there - 7.0) / 1e3, glome.predict(x), atol=1e-4)


@pytest.mark.parametrize("direction", ["inverse", "direct"])
def test_isotropic_covariances_follow_a_common_scale(direction: str) -> None:
    x, y = bends(200, n_responses=2, d=3)
    settings: dict[str, Any] = {
        "direction": direction, "gate_covariance": Isotropic(), "covariance": Isotropic(),
    }  # fmt: skip
    glome = GLoME(2, n_init=3, random_state=0, **settings).fit(x, y)
    r = glome.responsibilities(x, y)
    moved = GLoME(2, init=r, n_init=1, **settings).fit(50.0 * x - 3.0, 0.02 * y + 1.0)
    volume = 200 * (3 * np.log(50.0) + 2 * np.log(0.02))
    assert moved.joint_loglik_ == pytest.approx(glome.joint_loglik_ - volume, abs=1e-5)
    # The variances of the original are one for each expert, on every scale.
    variances = np.diagonal(glome.params_.covariance.dense(), axis1=1, axis2=2)
    assert np.ptp(variances, axis=1) == pytest.approx(0.0, abs=1e-12)


# -- high dimension


@pytest.mark.parametrize(
    ("covariance", "n_latent"),
    [
        (Isotropic(), 0), (Diagonal(), 0), (BlockDiagonal(np.arange(1000) // 5), 0),
        (Diagonal(), 1),
    ],
    ids=["isotropic", "diagonal", "blocks", "hybrid"],
)  # fmt: skip
def test_a_thousand_covariates_without_squares_of_them(covariance, n_latent) -> None:
    x, y = bends(550, n_responses=2, d=1000)
    x, new, y, truth = x[:500], x[500:], y[:500], y[500:]
    tracemalloc.start()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        glome = GLoME(
            2, covariance=covariance, n_latent=n_latent, n_init=2, max_iter=10, random_state=0
        ).fit(x, y)
    predicted, cov = glome.predict(new, return_cov=True)
    assert glome.score_samples(new, truth).shape == (50,)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.mean((predicted - truth) ** 2) < 0.01
    assert np.linalg.eigvalsh(cov).min() > 0.0
    # Two matrices (D, D) alone are 16 MB; the data are 4 MB, and residuals of all experts 8 MB.
    assert peak < 45e6, peak
