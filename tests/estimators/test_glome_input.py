"""GLoME on bad and degenerate input: a result with a stated caveat, or an error that names it."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from mixexp import BLoME, GLoME
from mixexp.estimation import separation
from mixexp.models.covariances import BlockDiagonal, Full
from mixexp.models.gllim import GLLiM, GLLiMParams
from mixexp.models.gllim.density import log_gate, relative_gate
from mixexp.selection import UnreliableSelectionWarning

Array = np.ndarray


def bends(n: int = 300, n_responses: int = 1, d: int = 2, seed: int = 0) -> tuple[Array, Array]:
    """Rows of a law with two clearly different experts."""
    rng = np.random.default_rng(seed)
    label = rng.integers(2, size=n)
    y = rng.normal(size=(n, n_responses)) + 3.0 * label[:, None]
    a = rng.normal(size=(2, n_responses, d))
    x = np.einsum("il,ild->id", y, a[label]) + 4.0 * label[:, None] + 0.5 * rng.normal(size=(n, d))
    return x, y[:, 0] if n_responses == 1 else y


def degenerate(x: Array, y: Array, **settings: Any) -> GLoME:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        glome = GLoME(n_init=2, max_iter=30, random_state=0, **settings).fit(x, y)
    assert np.isfinite(glome.joint_loglik_)
    assert np.isfinite(glome.predict(x)).all()
    assert np.isfinite(glome.score_samples(x, y)).all()
    return glome


def said(glome: GLoME) -> str:
    return " ".join(glome.certificate_.findings)


def test_constant_columns_are_said() -> None:
    x, y = bends(80)
    assert "constant" in said(degenerate(np.column_stack([x, np.full(80, 7.0)]), y))


def test_duplicated_columns_are_said() -> None:
    x, y = bends(80)
    text = said(degenerate(np.column_stack([x, x[:, 0]]), y))
    assert "duplicated" in text and "floor" in text


def test_fewer_rows_than_dimensions_are_said() -> None:
    x, y = bends(18, d=10)
    text = said(degenerate(x, y, n_experts=2))
    assert "singular up to the floor" in text and "Diagonal()" in text


def test_more_experts_than_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="n_experts=9 is larger than n_samples=8"):
        GLoME(9).fit(*bends(8))


def test_thin_experts_are_said() -> None:
    glome = degenerate(*bends(12), n_experts=6)
    assert "rest on few rows" in said(glome) or "floor" in said(glome)
    assert not np.any(glome.optima_["flags"] == "")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"direction": "both"}, "direction"),
        ({"covariance": BlockDiagonal([0, 1, 0])}, "3 labels"),
        ({"n_latent": 2}, "n_latent=2 must be smaller"),
        ({"degree": -1}, "degree"),
        ({"likelihood": "marginal"}, "likelihood"),
    ],
    ids=str,
)
def test_settings_without_meaning_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GLoME(2, **settings).fit(*bends(50))


@pytest.mark.parametrize("init", [{}, {"a": 1}, [{}], "k-means", [None, [[1.0]]]], ids=repr)
def test_starts_of_another_kind_are_named(init: Any) -> None:
    with pytest.raises(ValueError, match=r"init.*(MixingMeasure|GLLiMParams)"):
        GLoME(2, init=init).fit(*bends(50))


@pytest.mark.parametrize("direction", ["inverse", "direct"])
@pytest.mark.parametrize(("d", "n_responses"), [(1, 1), (3, 1), (1, 2)])
def test_constant_experts_predict(direction: str, d: int, n_responses: int) -> None:
    x, y = bends(200, n_responses, d)
    glome = GLoME(2, degree=0, direction=direction, n_init=3, random_state=0).fit(x, y)
    assert glome.predict(x).shape == y.shape
    # Given the expert, x and y are independent: y does not depend on x but through the gate.
    each = glome.predict_expert(x)
    np.testing.assert_allclose(each, np.broadcast_to(each[:1], each.shape), rtol=1e-12)
    # log p(x, y) - log p(y | x) = log p(x) at every y.
    marginal = [glome.joint_score_samples(x, z) - glome.score_samples(x, z) for z in (y, y + 1.0)]
    np.testing.assert_allclose(*marginal, atol=1e-9)
    assert np.isfinite(glome.predict_inverse(y)).all()


@pytest.mark.parametrize("value", [1e155, -1e155, 1e300])
@pytest.mark.parametrize(
    "settings",
    [{}, {"direction": "direct"}, {"direction": "direct", "gate_covariance": Full("shared")}],
    ids=str,
)
@pytest.mark.parametrize("d", [1, 4])
def test_weights_where_squares_overflow_are_those_of_the_limit(
    d: int, settings: dict[str, Any], value: float
) -> None:
    x, y = bends(200, d=d)
    glome = GLoME(2, n_init=3, random_state=0, **settings).fit(x, y)
    far = np.full((1, d), value)
    # Far enough for the limit, near enough for the differences of equal covariances.
    near = np.full((1, d), np.sign(value) * 1e5)
    weights = glome.gate_proba(far)
    np.testing.assert_allclose(weights, glome.gate_proba(near), atol=1e-12)
    expert = glome.predict_expert(far)[0, np.argmax(weights)]
    assert glome.predict(far) == pytest.approx([expert])
    assert glome.score_samples(far, [0.0]) == [-np.inf]
    with pytest.raises(ValueError, match=r"X or y holds -?1e\+\d+.*responsibilities"):
        glome.responsibilities(far, [0.0])


def test_limits_of_gates_take_every_power_in_its_turn() -> None:
    structure = Full()
    params = GLLiMParams(
        np.array([0.2, 0.3, 0.5, 0.0]), np.array([[1.0, 0.0], [1.0, 3.0], [1.0, 0.0], [9.0, 9.0]]),
        structure.of(np.array([np.diag([1.0, v]) for v in (1.0, 1.0, 4.0, 9.0)])),
        np.zeros((4, 1, 3)), structure.of(np.ones((4, 1, 1))), np.zeros((4, 1, 0)),
    )  # fmt: skip
    assert GLLiM(4, 2, 1).basis.n_terms == 3

    def weights(u: Any) -> Any:
        gate = relative_gate(params, np.array(u, dtype=float)[:, None])[:, 0]
        return np.exp(gate - gate.max()) / np.exp(gate - gate.max()).sum()

    # Squares differ upwards; along the first axis nothing but constants does.
    np.testing.assert_array_equal(weights([0.0, 1e200]), [0.0, 0.0, 1.0, 0.0])
    np.testing.assert_allclose(weights([1e200, 0.0]), weights([10.0, 0.0]), rtol=1e-12)
    np.testing.assert_allclose(weights([1e200, 0.0])[0], 0.2 / (0.2 + 0.3 * np.exp(-4.5) + 0.25))
    # Squares that differ by rounding alone do not decide; what is linear does.
    rounded = structure.of(np.array([[[1.0 + 1e-13]], [[1.0]]]))
    params = GLLiMParams(
        np.array([0.5, 0.5]), np.array([[0.0], [1.0]]), rounded, np.zeros((2, 1, 2)), rounded,
        np.zeros((2, 1, 0)),
    )  # fmt: skip
    np.testing.assert_array_equal(weights([1e200]), [0.0, 1.0])
    np.testing.assert_array_equal(weights([-1e200]), [1.0, 0.0])


def test_gates_are_what_they_are_where_nothing_overflows() -> None:
    params = GLoME(2, direction="direct", n_init=2, random_state=0).fit(*bends(100)).params_
    near = np.array([[0.3], [0.7]])
    np.testing.assert_array_equal(relative_gate(params, near), log_gate(params, near))


@pytest.mark.parametrize(
    ("settings", "value", "message"),
    [
        ({"degree": 2}, 1e155, "row 1 of X holds 1e.155, so far from the data"),
        ({"degree": 2, "direction": "direct"}, -1e155, "X holds -1e.155, where means of experts"),
        ({"direction": "direct"}, 1.7e308, "X holds 1.7e.308, which overflows"),
    ],
    ids=str,
)
def test_rows_without_a_prediction_are_named(
    settings: dict[str, Any], value: float, message: str
) -> None:
    x, y = bends(200, d=1)
    # The standard deviation is below one, so that standardised values are larger.
    glome = GLoME(2, n_init=3, random_state=0, **settings).fit(0.1 * x, y)
    with pytest.raises(ValueError, match=message):
        glome.predict([[0.0], [value]])


def test_means_that_overflow_leave_no_density() -> None:
    x, y = bends(200, d=2)
    glome = GLoME(2, degree=2, direction="direct", n_init=3, random_state=0).fit(x, y)
    for row in ([1e155, 1e155], [1e155, -1e155]):
        assert glome.score_samples([row], [0.0]) == [-np.inf]


def test_too_few_structures_for_the_slope_heuristics_are_warned_of() -> None:
    x, y = bends(100, d=3)
    with pytest.warns(UnreliableSelectionWarning, match="needs at least 11 .* BIC chose"):
        BLoME(1, criterion="slope", n_init=1).fit(x, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UnreliableSelectionWarning)
        BLoME(1, criterion="bic", n_init=1).fit(x, y)


@pytest.mark.parametrize("ridged", [False, True])
def test_advice_on_separation_fits_estimators_without_a_gate_penalty(ridged: bool) -> None:
    message = separation._report(0.1, ridged=ridged).message
    assert "gate_penalty" not in GLoME().get_params()
    assert "read the gate as a step" in message
    assert ridged or "an estimator with gate_penalty=" in message


def test_missing_values_are_refused() -> None:
    x, y = bends(50)
    x[3, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        GLoME(2).fit(x, y)
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        GLoME(2).fit(np.nan_to_num(x), np.where(y == y[0], np.inf, y))
