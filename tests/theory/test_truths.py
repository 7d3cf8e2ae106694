"""Named truths and their descriptions."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp.models import Activation, Gaussian, Softmax, Temperature
from mixexp.theory import describe, describe_all, make_truth, uniform_design
from mixexp.theory.truths.named import TRUTHS
from mixexp.theory.truths.truth import Truth

ALL = pytest.mark.parametrize("truth", TRUTHS.values(), ids=list(TRUTHS))


@ALL
def test_a_truth_is_what_its_measure_says(truth: Truth) -> None:
    again = truth.model.measure(truth.model.from_measure(truth.measure))
    assert again.allclose(truth.measure)
    x, y = truth.sample(50, np.random.default_rng(0))
    assert x.shape == (50, truth.model.n_columns)
    assert x.min() >= truth.lower
    assert x.max() <= truth.upper
    assert np.isfinite(truth.model.log_prob(truth.params, x, y)).all()


@ALL
def test_descriptions_against_a_sample(truth: Truth) -> None:
    about = describe(truth)
    x, y = truth.sample(40_000, np.random.default_rng(1))
    shares = truth.model.weights(truth.params, x).mean(axis=0)
    np.testing.assert_allclose(about.shares, shares, atol=0.01)
    guess = truth.model.posterior(truth.params, x, y).max(axis=1)
    assert about.overlap == pytest.approx(1.0 - guess.mean(), abs=0.01)
    assert 0.0 < about.separation <= 1.0


def test_separation_of_two_normal_laws() -> None:
    truth = make_truth(
        "two", TRUTHS["balanced"].model.gate, TRUTHS["balanced"].model.expert, [0.0, 0.0],
        gate_coef=[[1.0], [0.0]], intercept=[0.0, 2.0], coef=[[1.0], [1.0]], variance=[1.0, 1.0],
    )  # fmt: skip
    assert describe(truth).separation == pytest.approx(np.sqrt(1.0 - np.exp(-0.5)), rel=1e-6)


def test_information_says_what_is_not_identified() -> None:
    assert describe(TRUTHS["temperature"]).worst_error == np.inf
    assert describe(TRUTHS["topk-lambda"]).information == 0.0
    # As in pilot studies of the same truths by Monte Carlo.
    assert describe(TRUTHS["multinomial"]).worst_error == pytest.approx(16.0, rel=0.05)
    assert describe(TRUTHS["multinomial"]).information == pytest.approx(2.1e-3, rel=0.05)


def test_a_table_of_all() -> None:
    table = describe_all(TRUTHS.values())
    assert list(table.truth) == list(TRUTHS)
    assert table.overlap.between(-1e-9, 1.0).all()


def test_the_design_is_the_law_of_the_covariates() -> None:
    x, weight = uniform_design(-1.0, 3.0, 6, n_columns=2)
    assert x.shape == (36, 2)
    assert weight.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(weight @ x, [1.0, 1.0])
    np.testing.assert_allclose(weight @ (x[:, 0] * x[:, 1]), 1.0)


BLOCKS = {
    "gate_coef": [[2.0], [0.0]],
    "intercept": [1.0, -1.0],
    "coef": [[0.5], [-0.5]],
    "variance": [0.5, 0.8],
}


@pytest.mark.parametrize(
    ("gate", "expert", "changes", "message"),
    [
        (Softmax(), Gaussian(), {"foo": [1.0, 1.0]}, "foo"),
        (Softmax(), Gaussian(), {"coef": [[0.5, 1.0], [1.0, 0.0]]}, r"coef \(2,\)"),
        (Softmax(), Gaussian(), {"variance": [0.5, -0.8]}, "log-variance.* no finite value"),
        (Softmax(), Gaussian(variance="shared"), {}, "variance=.* differs between atoms"),
        (Temperature(), Gaussian(), {}, r"needs .*gate_temperature"),
        (Temperature(), Gaussian(), {"gate_temperature": [0.5, 0.7]}, "gate_temperature=.*0.7"),
        (Activation(), Gaussian(), {"gate_coef": [[2.0], [1.0]]}, "gate_coef|reference"),
    ],
)
def test_blocks_a_model_cannot_have_are_refused(gate, expert, changes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_truth("t", gate, expert, [0.0, 0.0], **{**BLOCKS, **changes})


def test_polynomials_are_told_from_covariates_by_the_model() -> None:
    squares = {**BLOCKS, "gate_coef": [[2.0, 1.0], [0.0, 0.0]]}
    truth = make_truth("t", Softmax(degree=2), Gaussian(), [0.0, 0.0], **squares)
    assert truth.model.n_columns == 1
    assert truth.sample(5, np.random.default_rng(0))[0].shape == (5, 1)
    # A translation of the gate is a convention, no mistake.
    moved = {**BLOCKS, "gate_coef": [[3.0], [1.0]]}
    law = make_truth("t", Softmax(), Gaussian(), [0.0, 0.0], **moved)
    same = make_truth("t", Softmax(), Gaussian(), [0.0, 0.0], **BLOCKS)
    x, y = same.sample(20, np.random.default_rng(0))
    np.testing.assert_allclose(law.law.log_density(x, y), same.law.log_density(x, y))


def test_an_interval_is_needed() -> None:
    with pytest.raises(ValueError, match="lower < upper"):
        make_truth("t", Softmax(), Gaussian(), [0.0, 0.0], lower=1.0, upper=0.0, **BLOCKS)


def test_one_expert_has_no_separation() -> None:
    one = {key: block[:1] for key, block in BLOCKS.items()}
    about = describe(make_truth("one", Softmax(), Gaussian(), [0.0], **one))
    assert np.isnan(about.separation)
    assert about.overlap == 0.0
