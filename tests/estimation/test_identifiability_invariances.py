"""Every exact invariance: the densities agree to rounding, and the diagnosis says so."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixexp.estimation.identifiability import Diagnosis, counterexamples, diagnose
from mixexp.estimation.identifiability.invariances import (
    INVARIANCES,
    Law,
    Points,
    Setting,
    density_difference,
    grid_points,
    n_distinct,
    verify,
)
from mixexp.estimation.identifiability.invariances._base import Claim, changed, reduced
from mixexp.models import (
    Activation,
    Binomial,
    Expert,
    Gate,
    Gaussian,
    GaussianParams,
    MixtureOfExperts,
    MixtureParams,
    Multinomial,
    Poisson,
    Softmax,
    SoftmaxParams,
    Temperature,
    TopK,
    Transformed,
)
from mixexp.models.activations import GELU, SOFTPLUS, TANH
from mixexp.models.response_grid import TooManyPoints
from mixexp.theory.truths.named import TRUTHS
from tests.estimation.nonidentified import CASES, PAIRS, Case, case

module = sys.modules["mixexp.estimation.identifiability.diagnose"]
QUICK = settings(max_examples=6, derandomize=True, deadline=None)
SEEDS = st.integers(0, 2**16)
BY_KEY = {invariance.key: invariance for invariance in INVARIANCES}
EACH = pytest.mark.parametrize(("key", "gate", "expert", "k", "k_true"), PAIRS, ids=repr)


def test_every_invariance_has_cases() -> None:
    assert set(CASES) == set(BY_KEY)


@EACH
@QUICK
@given(seed=SEEDS, strength=st.floats(0.05, 3.0))
def test_the_density_does_not_change(
    key: str, gate: Gate, expert: Expert, k: int, k_true: int, seed: int, strength: float
) -> None:
    found = case(key, gate, expert, k, k_true, seed)
    verified = verify(BY_KEY[key], Setting(found.law, found.x, k_true, strength))
    assert verified
    for one in verified:
        assert one.difference <= 1e-12
        other = one.claim.model.from_measure(one.claim.measure)
        theta = [
            m.layout.vector(m.coefficients(p))
            for m, p in ((one.claim.law.model, one.claim.law.params), (one.claim.model, other))
        ]
        # Other parameters indeed, and by more than rounding.
        if len(theta[0]) == len(theta[1]):
            moved = np.abs(theta[0] - theta[1]).max()
            gate = "gate_coef" if "gate_coef" in found.law.measure.atoms else "gate_mean"
            raw = np.abs(found.law.measure[gate] - one.claim.measure[gate]).max()
            assert max(moved, raw) > 1e-3
        if one.claim.model.n_experts > one.claim.law.model.n_experts:
            # More than copies of the true experts.
            assert n_distinct(Law(one.claim.model, other)) > k_true


@EACH
@settings(QUICK, max_examples=2)
@given(seed=SEEDS)
def test_the_diagnosis_fires(
    key: str, gate: Gate, expert: Expert, k: int, k_true: int, seed: int
) -> None:
    found = case(key, gate, expert, k, k_true, seed)
    diagnosis = diagnose(found.law.model, found.law.params, found.x, k_true=k_true)
    assert key in diagnosis.keys
    (finding,) = [f for f in diagnosis.findings if f.key == key]
    assert finding.evidence["difference"] <= 1e-12
    assert BY_KEY[key].remedy in finding.message and finding.reference
    assert key in diagnosis.summary()
    taken_out = key == "scale" and "normalize=False" not in repr(gate)
    if key in ("sigmoid-is-tanh", "log-quadratic-factor") or taken_out:
        assert finding.severity == "note"
    else:
        assert finding.severity == "not identified" and not diagnosis.identified


@pytest.mark.parametrize(
    ("gate", "expert"),
    [(Softmax(), Gaussian()), (Temperature(), Multinomial(3)), (Activation(), Binomial())],
    ids=repr,
)
def test_copies_are_made_one_without_a_change_of_the_law(gate: Gate, expert: Expert) -> None:
    found = case("", gate, expert, 5, 2, 0)
    assert n_distinct(found.law) == 2
    small = reduced(found.law, 2)
    assert small.model.n_experts == 2 and n_distinct(small) == 2
    assert small.measure.weight.sum() == pytest.approx(1.0, rel=1e-14)
    points = grid_points(small, found.x)
    assert density_difference(small, found.law, points) < 1e-13
    # The nearest two become one where none are equal, and the reference is never the one to go.
    one = reduced(small, 1)
    assert one.measure["coef"] == pytest.approx(small.measure["coef"][1:])


def fires(key: str, found: Case, k_true: int | None = None) -> bool:
    setting = Setting(found.law, found.x, k_true or found.k_true)
    return bool(verify(BY_KEY[key], setting))


def moved(found: Case, block: str, where: tuple[object, ...], by: float = 1e-3) -> Case:
    """The case with a number of its measure changed, for one atom or some."""
    measure = found.law.measure
    blocks = {name: measure[name].copy() for name in measure.atoms}
    blocks[block][where] += by
    model = found.law.model
    params = model.from_measure(type(measure)(measure.weight, blocks))
    return replace(found, law=Law(model, params))


def test_a_common_factor_needs_twice_the_experts() -> None:
    for k, k_true in ((3, 2), (5, 3), (2, 2)):
        assert not fires("common-factor", case("", Softmax(), Gaussian(), k, k_true, 0))
    for k, k_true in ((4, 2), (2, 1)):
        found = case("", Softmax(), Gaussian(), k, k_true, 0)
        assert fires("common-factor", found)
        # Known to be exact-specified, the same law is not in doubt.
        assert not fires("common-factor", found, k_true=k)
    # Slopes inside an activation have no common factor.
    assert not fires("common-factor", case("", Activation(), Gaussian(), 4, 2, 0))


def test_a_scale_needs_homogeneous_logits() -> None:
    for activation in (TANH, GELU, SOFTPLUS):
        gate = Temperature(Activation(activation))
        assert not fires("scale", case("", gate, Gaussian(), 3, 3, 0))
    assert not fires("scale", case("", Temperature(tau=1.0), Gaussian(), 3, 3, 0))


def test_a_reference_swap_needs_two_experts_and_a_mirror() -> None:
    assert not fires("reference-swap", case("", Activation(TANH), Gaussian(), 3, 3, 0))
    assert not fires("reference-swap", case("", Activation(GELU), Gaussian(), 2, 2, 0))


def test_only_one_active_expert_makes_biases_void() -> None:
    for key in ("top1-biases", "top1-regions"):
        assert not fires(key, case("", TopK(2), Gaussian(), 3, 3, 0))
    assert not fires("top1-biases", case("", TopK(1, select="logit"), Gaussian(), 3, 3, 0))


def test_a_constant_expert_needs_exact_zeros_and_a_spare_expert() -> None:
    found = case("constant-expert", Softmax(), Multinomial(3), 3, 2, 0)
    assert fires("constant-expert", found)
    assert not fires("constant-expert", found, k_true=3)
    copies = np.flatnonzero(np.abs(found.law.measure["coef"]).max(axis=(1, 2)) == 0.0)
    for by in (1e-3, 1e-6):
        assert not fires("constant-expert", moved(found, "coef", (copies, 0, 0), by))
    # A constant Poisson law is no average of two others.
    for expert in (Gaussian(), Poisson()):
        assert not fires("constant-expert", case("constant-expert", Softmax(), expert, 3, 2, 0))


def test_distinct_slopes_do_not_split() -> None:
    assert not fires("shared-slope", case("", Softmax(), Multinomial(4), 3, 2, 0))
    found = case("even-binary-expert", Softmax(), Multinomial(2), 3, 2, 0)
    copies = np.flatnonzero(np.abs(found.law.measure["coef"]).max(axis=(1, 2)) == 0.0)
    tilted = moved(found, "intercept", (copies, 0), 0.1)
    assert not fires("even-binary-expert", tilted)
    assert fires("constant-expert", tilted)


def test_mirrored_experts_need_the_same_features_and_exact_mirrors() -> None:
    found = case("mirrored-experts", Softmax(), Multinomial(2), 2, 2, 0)
    assert fires("mirrored-experts", found)
    assert not fires("mirrored-experts", moved(found, "coef", (1, 0, 0)))
    assert not fires("mirrored-experts", moved(found, "intercept", (1, 0)))
    for gate, expert in ((Transformed(), Multinomial(2)), (Softmax(), Multinomial(3))):
        assert not fires("mirrored-experts", case("mirrored-experts", gate, expert, 2, 2, 0))
    # Of several trials the law is no longer linear in the probability.
    binomial = case("mirrored-experts", Softmax(), Binomial(), 2, 2, 0)
    setting = Setting(binomial.law, binomial.x, 2)
    trials = np.full(len(binomial.x), 3.0)
    assert not verify(BY_KEY["mirrored-experts"], setting, known=trials)
    assert verify(BY_KEY["mirrored-experts"], setting, known=np.ones(len(binomial.x)))


def test_the_data_have_a_say_in_what_is_verified() -> None:
    """A claim that holds on the grid rows is dropped if the data contradict it."""
    found = case("never-active", TopK(1), Gaussian(), 3, 3, 0)
    setting = Setting(found.law, found.x, 3)
    (claim,) = [v.claim for v in verify(BY_KEY["never-active"], setting)]
    other = Law(claim.model, claim.model.from_measure(claim.measure))
    data = Points(found.x, np.zeros(len(found.x)))
    assert density_difference(found.law, other, data) == 0.0
    elsewhere = Law(found.law.model, found.law.params._replace(gate=other.params.gate))
    assert density_difference(elsewhere, found.law, data) == 0.0
    swapped = Law(found.law.model, found.law.model.from_measure(found.law.measure.take([1, 0, 2])))
    assert density_difference(swapped, found.law, data) < 1e-12
    blocks = {**found.law.measure.atoms}
    blocks["intercept"] = blocks["intercept"] + 0.01
    shifted = found.law.model.from_measure(type(claim.measure)(claim.measure.weight, blocks))
    assert density_difference(Law(found.law.model, shifted), found.law, data) > 1e-3


@pytest.mark.parametrize("strength", [0.1, 0.7, 2.0])
def test_the_table_of_counterexamples(strength: float) -> None:
    found = counterexamples(strength)
    assert [c.key for c in found] == [i.key for i in INVARIANCES]
    assert max(c.difference for c in found) <= 1e-13
    for c in found:
        assert c.k_true <= c.law.model.n_experts <= c.partner.model.n_experts


def steps(intercept: float, slope: float, select: str = "logit", n_active: int = 1) -> Law:
    """Two lines with one active at each x."""
    gate = SoftmaxParams(np.array([intercept, 0.0]), np.array([[slope], [0.0]]))
    expert = GaussianParams(np.array([1.0, -1.0]), np.array([[1.0], [-0.5]]), np.array([0.5, 0.8]))
    law = MixtureOfExperts(TopK(n_active, select=select), Gaussian(), 2, 1)
    return Law(law, MixtureParams(gate, expert))


def severity(found: Diagnosis, key: str) -> list[str]:
    return [f.severity for f in found.findings if f.key == key]


def test_a_boundary_between_the_rows_of_a_grid_is_seen() -> None:
    """A step of 0.3 in the bias changes the expert of 60 rows among 20 001."""
    law, x = steps(-98.0, 100.0), np.linspace(0.0, 1.0, 20_001)[:, None]
    found = diagnose(law.model, law.params, x)
    assert "top1-biases" not in found.keys
    # The row at the boundary, 0.98, is on either side by rounding: it speaks against nothing.
    assert "top1-regions" in found.keys
    by_score = steps(-98.0, 100.0, "score")
    assert "top1-biases" in diagnose(by_score.model, by_score.params, x - 0.5).keys


def test_biases_are_claimed_only_where_the_selection_leaves_them_out() -> None:
    """Far from the boundary a bias moves no row; that is the design's and not the gate's doing."""
    x = np.linspace(-1.0, 0.0, 20)[:, None]
    for select, claimed in (("logit", False), ("score", True)):
        setting = Setting(steps(-98.0, 100.0, select), x, 2)
        assert bool(verify(BY_KEY["top1-biases"], setting)) is claimed


def test_claims_about_boundaries_are_checked_at_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever an invariance proposes: here that a boundary may move by 0.003."""
    expert = GaussianParams(np.array([1.0, -1.0]), np.ones((2, 2)), np.ones(2))
    gate = SoftmaxParams(np.array([-30.0, 0.0]), np.array([[100.0, 0.0], [0.0, 0.0]]))
    law = MixtureOfExperts(TopK(1, select="logit"), Gaussian(), 2, 2)
    x = np.random.default_rng(3).uniform(-1.0, 1.0, size=(4000, 2))

    def partners(setting: Setting) -> Iterator[Claim]:
        odds = setting.law.measure.weight * np.exp([0.3, 0.0])
        yield Claim(setting.law, setting.law.model, changed(setting.law.measure, odds))

    bold = replace(BY_KEY["top1-regions"], key="bold", partners=partners)
    monkeypatch.setattr(module, "INVARIANCES", (bold,))
    between = (x[:, 0] > 0.297) & (x[:, 0] < 0.3)
    assert 1 <= between.sum() < 20
    assert "bold" not in diagnose(law, MixtureParams(gate, expert), x).keys
    assert "bold" in diagnose(law, MixtureParams(gate, expert), x[~between]).keys


def test_rows_on_a_boundary_are_not_compared() -> None:
    law = steps(-98.0, 100.0)
    x = np.array([[0.98], [0.98 + 1e-12], [0.5], [0.99]])
    assert module._settled(law, x).tolist() == [2, 3]
    assert module._settled(law, x[:2]).tolist() == [0, 1]
    smooth = case("", Softmax(), Gaussian(), 2, 2, 0)
    assert len(module._settled(smooth.law, smooth.x)) == len(smooth.x)


def test_a_grid_that_is_too_large_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise TooManyPoints("too many")

    monkeypatch.setattr(sys.modules[verify.__module__], "response_grid", refuse)
    found = case("scale", *CASES["scale"][0], 0)
    with pytest.raises(TooManyPoints):
        verify(BY_KEY["scale"], Setting(found.law, found.x, 3))


def test_no_information_inside_the_regions_is_a_note() -> None:
    truth = TRUTHS["topk-step"]
    found = diagnose(truth.model, truth.params, np.linspace(-1.0, 1.0, 200)[:, None])
    assert severity(found, "rank") == ["note"]
    (rank,) = [f for f in found.findings if f.key == "rank"]
    assert "no information inside the regions" in rank.message
    assert "boundaries are seen through jumps only" in rank.message
    assert rank.evidence["lost"] == 0 and found.information.n_null == 2
    # The common factor of the scores is one that verifies.
    assert severity(found, "top1-regions") == ["not identified"]


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_what_no_jump_shows_is_not_identified(unit: float) -> None:
    """Collinear columns: the experts' slopes and the gate's have one lost direction an expert."""
    one = np.linspace(-1.0, 1.0, 200)
    x = np.column_stack([one, unit * one])
    law = MixtureOfExperts(TopK(1, select="logit"), Gaussian(), 2, 2)
    expert = GaussianParams(
        np.array([1.0, -1.0]), np.array([[1.0, 1.0 / unit], [0.3, 0.0]]), np.array([0.5, 0.8])
    )
    gate = SoftmaxParams(np.array([0.2, 0.0]), np.array([[1.5, 1.0 / unit], [0.0, 0.0]]))
    found = diagnose(law, MixtureParams(gate, expert), x)
    (rank,) = [f for f in found.findings if f.key == "rank"]
    assert rank.severity == "not identified" and rank.evidence["lost"] == 3
    assert found.information.n_null == 5
