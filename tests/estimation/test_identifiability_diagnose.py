"""The diagnosis as a whole: its words, its input, and what a fit says of itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mixexp.estimation.data import Data
from mixexp.estimation.fit import Options, fit
from mixexp.estimation.identifiability import diagnose
from mixexp.estimation.identifiability.binding import bind
from mixexp.models import (
    Binomial,
    Gaussian,
    GaussianParams,
    MixingMeasure,
    MixtureOfExperts,
    MixtureParams,
    Multinomial,
    MultinomialParams,
    Poisson,
    Softmax,
    SoftmaxParams,
    TopK,
)
from mixexp.models.basis import Affine
from tests.estimation.cases import TRUTH, model, two_lines
from tests.instances import problem

X, Y = two_lines(200)


def test_a_regular_truth_is_identified() -> None:
    found = diagnose(model(), TRUTH, (X, Y))
    assert found.identified and found.keys == ("interaction",)
    assert found.information.rank == 8
    assert str(found) == found.summary()
    assert max(map(len, str(found).splitlines())) <= 100
    text = " ".join(str(found).split())
    assert text.startswith("identified: yes")
    assert "rank 8 of 8" in text and "FAILS: products up to degree two" in text


def test_what_the_data_may_be() -> None:
    """The design alone, with responses, or data bound by a fit, standardised or not."""
    expected = diagnose(model(), TRUTH, X)
    for standardize in (False, True):
        data = Data.from_rows(X, Y, standardize=standardize)
        for given in ((X, Y), data):
            found = diagnose(model(), TRUTH, given)
            assert found.keys == expected.keys
            values = found.information.singular_values
            assert np.allclose(values, expected.information.singular_values, rtol=1e-9)


def test_weights_of_the_data_are_used() -> None:
    """At one x alone two Gaussians have five parameters, not eight."""
    weight = np.where(np.arange(len(X)) < 1, 1.0, 1e-30)
    found = diagnose(model(), TRUTH, Data.from_rows(X, Y, weight, standardize=False))
    assert found.information.rank == 5 and not found.identified
    assert diagnose(model(), TRUTH, X).information.rank == 8


def test_exposures_are_read_from_the_responses() -> None:
    case = problem(Softmax(), Poisson(), n_experts=2, n_rows=40)
    with_y = diagnose(case.model, case.params, (case.x, case.y))
    given = diagnose(case.model, case.params, case.x, known=case.y[:, 1])
    without = diagnose(case.model, case.params, case.x)
    values = [f.information.singular_values for f in (with_y, given, without)]
    assert np.allclose(values[0], values[1], rtol=1e-12)
    assert not np.allclose(values[0], values[2], rtol=1e-3)


def test_weak_identification_is_told_with_numbers() -> None:
    """Two lines of nearly equal parameters: full rank, and next to nothing known."""
    expert = GaussianParams(np.array([1.0, 1.02]), np.array([[2.0], [2.0]]), np.full(2, 0.25))
    params = MixtureParams(SoftmaxParams(np.zeros(2), np.zeros((2, 1))), expert)
    found = diagnose(model(), params, X)
    assert found.identified and found.information.rank == 8
    assert "weak" in found.keys and "[weak]" in found.summary()
    (weak,) = [f for f in found.findings if f.severity == "weak"]
    assert weak.evidence["condition"] > 1e8
    assert "weak" not in diagnose(model(), TRUTH, X).keys


def test_findings_are_sorted_and_carry_evidence() -> None:
    params = model(3).from_measure(model().measure(TRUTH).split(0, [0.5, 0.5]))
    found = diagnose(model(3), params, X)
    order = [f.severity for f in found.findings]
    assert order == sorted(order, key=["not identified", "weak", "note"].index)
    assert found.keys[:2] == ("rank", "coincident-experts")
    (rank,) = [f for f in found.findings if f.key == "rank"]
    assert rank.evidence["null"].shape == (13, found.information.n_null)
    assert all(f.reference for f in found.findings)
    # Two copies of the first expert; the second expert is identified.
    assert "mean[1] x0" in rank.message and "mean[2] x0" not in rank.message


def test_the_number_of_distinct_experts_is_the_default() -> None:
    params = model(4).from_measure(model().measure(TRUTH).split(0, [0.5, 0.5]).split(2, [0.3, 0.7]))
    assert "common-factor" in diagnose(model(4), params, X).keys
    assert "common-factor" not in diagnose(model(4), params, X, k_true=3).keys


@pytest.mark.parametrize(
    ("k", "n_active", "k_true", "possible"),
    [(3, 2, 2, False), (4, 2, 2, True), (4, 2, 3, False), (6, 4, 3, True), (6, 3, 3, False)],
)
def test_active_experts_that_no_split_can_hold(
    k: int, n_active: int, k_true: int, possible: bool
) -> None:
    case = problem(TopK(n_active), Gaussian(), n_experts=k, n_columns=2, n_rows=30)
    found = diagnose(case.model, case.params, case.x, k_true=k_true)
    assert ("active-experts" in found.keys) is not possible
    exact = diagnose(case.model, case.params, case.x, k_true=k)
    assert "active-experts" not in exact.keys


@pytest.mark.parametrize("k_true", [0, -1, 3, 1.5, "2"])
def test_a_true_number_out_of_range_is_refused(k_true: object) -> None:
    with pytest.raises(ValueError, match=r"k_true=.* must be an integer in 1\.\.n_experts=2"):
        diagnose(model(), TRUTH, X, k_true=k_true)  # type: ignore[arg-type]


def test_malformed_data_are_refused() -> None:
    with pytest.raises(ValueError, match=r"pass an array of shape \(n, 1\)"):
        diagnose(model(), TRUTH, np.column_stack([X, X]))
    with pytest.raises(ValueError, match=r"x is \[nan\] in row 7"):
        diagnose(model(), TRUTH, np.where(np.arange(200)[:, None] == 7, np.nan, X))
    with pytest.raises(ValueError, match="y has 199 rows and x has 200"):
        diagnose(model(), TRUTH, (X, Y[1:]))
    with pytest.raises(ValueError, match=r"shape \(0, 1\)"):
        diagnose(model(), TRUTH, X[:0])


def mirrored_rows(slope: float) -> tuple[MixtureOfExperts, np.ndarray, np.ndarray, np.ndarray]:
    """A law of two binary experts σ(u), σ(slope · u) itself, as weighted rows."""
    law = MixtureOfExperts(Softmax(), Multinomial(2), 2, 1)
    params = MixtureParams(
        SoftmaxParams(np.array([0.5, 0.0]), np.array([[1.5], [0.0]])),
        MultinomialParams(
            np.array([[0.4, 0.0], [0.4 * slope, 0.0]]),
            np.array([[[-3.0], [0.0]], [[-3.0 * slope], [0.0]]]),
        ),
    )
    x = np.repeat(np.linspace(-2.0, 2.0, 40), 2)[:, None]
    y = np.tile([0.0, 1.0], 40)
    return law, x, y, 50.0 * np.exp(law.log_prob(params, x, y))


def test_a_fit_says_that_its_experts_are_mirror_images() -> None:
    law, x, y, weight = mirrored_rows(-1.0)
    found = fit(law, x, y, weight, options=Options(n_init=3))
    best = found.optima[0].certificate
    assert best is not None and best.holds
    assert "the roles of gate and experts cannot be told apart" in best.summary()
    # Both optima are the law itself.
    law, x, y, weight = mirrored_rows(-0.5)
    other = fit(law, x, y, weight, options=Options(n_init=3)).optima[0].certificate
    assert other is not None and "roles of gate and experts" not in other.summary()


def test_a_regular_fit_has_nothing_to_add() -> None:
    found = fit(model(), X, Y, options=Options(n_init=2)).optima[0].certificate
    assert found is not None and found.findings == ()


@pytest.mark.parametrize("size", [-600.0, 600.0])
def test_probabilities_that_underflow_are_no_obstacle(size: float) -> None:
    """A separated fit of two classes has logits in the hundreds."""
    law = MixtureOfExperts(Softmax(), Multinomial(2), 2, 1)
    params = MixtureParams(
        SoftmaxParams(np.array([size, 0.0]), np.array([[1.0], [0.0]])),
        MultinomialParams(
            np.array([[size, 0.0], [-size, 0.0]]), np.array([[[2.0], [0.0]], [[-2.0], [0.0]]])
        ),
    )
    bigger = replace(law, n_experts=3)
    split = bigger.from_measure(law.measure(params).split(0, [0.5, 0.5]))
    assert "mirrored-experts" in diagnose(law, params, X).keys
    assert "coincident-experts" in diagnose(bigger, split, X, k_true=2).keys
    constant = law.measure(params)
    constant = MixingMeasure(
        constant.weight, {**constant.atoms, "coef": np.zeros_like(constant["coef"])}
    )
    flat = bigger.from_measure(constant.split(0, [0.5, 0.5]))
    assert not diagnose(bigger, flat, X, k_true=2).identified


def counts(exposure: float = 50.0) -> tuple[MixtureOfExperts, MixtureParams, np.ndarray]:
    case = problem(Softmax(), Poisson(), n_experts=2, n_rows=40)
    return case.model, case.params, np.column_stack([case.y[:, 0], np.full(40, exposure)])


@pytest.mark.parametrize("standardize", [False, True])
def test_exposures_and_trials_of_bound_data_are_used(standardize: bool) -> None:
    for expert in (Poisson(), Binomial()):
        case = problem(Softmax(), expert, n_experts=2, n_rows=40)
        y = np.column_stack([np.minimum(case.y[:, 0], 5.0), np.full(40, 50.0)])
        encoded = expert.encode(y)
        data = Data.from_rows(
            case.x, encoded, standardize=standardize, standardize_y=expert.standardizes
        )
        given = [diagnose(case.model, case.params, d) for d in ((case.x, y), data, case.x)]
        values = [found.information.singular_values for found in given]
        assert np.allclose(values[0], values[1], rtol=1e-9)
        assert not np.allclose(values[0], values[2], rtol=0.1)


def test_bound_data_of_another_family_are_refused() -> None:
    model_, params, y = counts()
    with pytest.raises(ValueError, match=r"data\.y has 1 row.* model\.expert\.encode"):
        diagnose(model_, params, Data.from_rows(np.zeros((40, 1)), y[:, 0], standardize=False))
    broken = Data(X.T, np.where(np.arange(200) == 7, np.nan, Y)[None], None, Affine.identity(1))
    with pytest.raises(ValueError, match=r"data\.y is \[nan\] in row 7"):
        diagnose(model(), TRUTH, broken)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_responses_that_are_no_numbers_are_refused(value: float) -> None:
    """Otherwise no claim could be compared, and all would be dropped without a word."""
    y = np.where(np.arange(200) == 7, value, Y)
    with pytest.raises(ValueError, match=r"y is \[(nan|inf)\] in row 7.* remove or impute"):
        diagnose(model(), TRUTH, (X, y))


def test_impossible_responses_are_refused() -> None:
    case = problem(Softmax(), Multinomial(3), n_experts=2, n_rows=20)
    y = np.where(np.arange(20) == 4, 7.0, case.y)
    with pytest.raises(ValueError, match="y: 7 in row 4 is not a class code"):
        diagnose(case.model, case.params, (case.x, y))


def test_a_gaussian_response_has_no_exposure() -> None:
    for y, known in ((np.column_stack([Y, Y]), None), (Y[:, None], None), (Y, np.ones(200))):
        with pytest.raises(ValueError, match=r"Gaussian\(.* reads one number for each row"):
            diagnose(model(), TRUTH, (X, y), known=known)
    two = X[:2], np.zeros((2, 2))
    with pytest.raises(ValueError, match="reads one number for each row"):
        diagnose(model(), TRUTH, two)


def test_exposures_beside_the_responses_join_them() -> None:
    model_, params, y = counts()
    x = np.linspace(-1.0, 1.0, 40)[:, None]
    one, other = (
        diagnose(model_, params, (x, y[:, 0]), known=y[:, 1]),
        diagnose(model_, params, (x, y)),
    )
    assert np.allclose(one.information.singular_values, other.information.singular_values)
    with pytest.raises(ValueError, match=r"known has shape \(3,\), but x has 40 rows"):
        diagnose(model_, params, x, known=np.ones(3))
    with pytest.raises(ValueError, match=r"known is \[nan\] in row 0"):
        diagnose(model_, params, x, known=np.full(40, np.nan))


def test_names_and_parameters_must_fit_the_model() -> None:
    two = problem(Softmax(), Gaussian(), n_experts=2, n_columns=2)
    with pytest.raises(ValueError, match=r"columns=\['a'\] has 1 name.* x has 2 column"):
        diagnose(two.model, two.params, two.x, columns=["a"])
    with pytest.raises(ValueError, match="params do not fit the model: its gate has 3 experts"):
        diagnose(model(3), TRUTH, X)
    with pytest.raises(ValueError, match=r"params .*fit the model.* n_columns=1"):
        diagnose(model(), two.params, X)
    with pytest.raises(ValueError, match="params are no parameters of"):
        diagnose(two.model, two.params._replace(expert=two.params.gate), two.x)
    lost = TRUTH._replace(expert=TRUTH.expert._replace(intercept=np.array([np.nan, 1.0])))
    with pytest.raises(ValueError, match="params: the mean of expert 0 is not finite"):
        diagnose(model(), lost, X)
    flat = TRUTH._replace(expert=TRUTH.expert._replace(variance=np.array([1.0, 0.0])))
    with pytest.raises(ValueError, match="the log-variance of expert 1 is not finite"):
        diagnose(model(), flat, X)


def test_one_expert_has_no_gate_to_interact_with() -> None:
    params = MixtureParams(
        SoftmaxParams(np.zeros(1), np.zeros((1, 1))),
        GaussianParams(np.ones(1), np.ones((1, 1)), np.ones(1)),
    )
    found = diagnose(model(1), params, X)
    assert found.identified and found.keys == () and found.independence == ()


def test_rows_without_weight_are_no_part_of_the_design() -> None:
    lines = MixtureOfExperts(Softmax(), Gaussian(), n_experts=2, n_columns=1)
    x = np.array([[0.0], [1.0], [2.0], [3.0]])
    weight = np.array([1.0, 0.0, 2.0, 0.0])
    data = Data.from_rows(x, np.zeros((1, 4)), weight)
    bound = bind(lines, data, None)
    np.testing.assert_allclose(bound.x, [[0.0], [2.0]], atol=1e-12)
    np.testing.assert_array_equal(bound.weight, [1.0, 2.0])


@pytest.mark.parametrize("weight", [[0.0, 0.0], [1.0, -1.0], [np.nan, 1.0]])
def test_weights_that_are_none_are_refused(weight) -> None:
    lines = MixtureOfExperts(Softmax(), Gaussian(), n_experts=2, n_columns=1)
    data = Data(np.zeros((1, 2)), np.zeros((1, 2)), np.array(weight), Affine.identity(1))
    with pytest.raises(ValueError, match=r"data\.weight"):
        bind(lines, data, None)
