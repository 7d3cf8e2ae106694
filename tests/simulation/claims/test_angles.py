"""Boundary angles of top-K gates in the plane, and distances that are cut at them."""

import numpy as np
import pytest

from mixexp.estimation.box import Bounds
from mixexp.models import MixingMeasure, TopK
from mixexp.simulation.claims.measures.angles import Angles, angle_between, boundary_angles
from mixexp.simulation.claims.measures.basic import Fitted
from mixexp.simulation.claims.measures.rays import RayHellinger, triangle_design
from mixexp.simulation.claims.problems.conditional import Conditional
from mixexp.theory.truths.named import TRUTHS

PLANE = Conditional(TRUTHS["topk-plane"], 3, Bounds())
TRUE = PLANE.truth_measure
X = np.zeros((1, 2))


def with_slopes(slopes):
    return MixingMeasure(TRUE.weight, {**TRUE.atoms, "gate_coef": slopes})


def turned(delta):
    c, s = np.cos(delta), np.sin(delta)
    return with_slopes(TRUE["gate_coef"] @ np.array([[c, s], [-s, c]]))


def measured(measure, n_active=2):
    return Angles(n_active)(Fitted(measure, TRUE, PLANE, X))


@pytest.mark.parametrize("n_active", [1, 2])
def test_boundaries_are_where_the_active_experts_change(n_active):
    angle = np.linspace(-np.pi, np.pi, 20_001)
    score = np.column_stack([np.cos(angle), np.sin(angle)]) @ TRUE["gate_coef"].T
    active = np.sort(np.argsort(-score, axis=1)[:, :n_active], axis=1)
    change = (active[1:] != active[:-1]).any(axis=1)
    brute = 0.5 * (angle[1:] + angle[:-1])[change]
    found = sorted(b.angle for b in boundary_angles(TRUE["gate_coef"], n_active))
    np.testing.assert_allclose(found, brute, atol=np.diff(angle)[0])


def test_four_experts_have_the_boundaries_seen_by_brute_force():
    slopes = np.random.default_rng(3).normal(size=(4, 2))
    angle = np.linspace(-np.pi, np.pi, 20_001)
    score = np.column_stack([np.cos(angle), np.sin(angle)]) @ slopes.T
    active = np.sort(np.argsort(-score, axis=1)[:, :2], axis=1)
    brute = 0.5 * (angle[1:] + angle[:-1])[(active[1:] != active[:-1]).any(axis=1)]
    found = sorted(b.angle for b in boundary_angles(slopes, 2))
    np.testing.assert_allclose(found, brute, atol=np.diff(angle)[0])


@pytest.mark.parametrize("delta", [0.01, -0.2, 3.0])
@pytest.mark.parametrize("n_active", [1, 2])
def test_turning_all_slopes_turns_every_angle(delta, n_active):
    columns = measured(turned(delta), n_active)
    names = ["angle_1", "angle_2", "angle_3", "angle_max"]
    np.testing.assert_allclose([columns[name] for name in names], abs(delta), rtol=1e-9)
    assert columns["scale"] == pytest.approx(0.0, abs=1e-12)


def test_turning_one_edge_changes_the_boundaries_of_its_pairs_alone():
    slopes = np.array(TRUE["gate_coef"])
    slopes[0] *= 1.3  # along the edge of experts 1 and 3
    columns = measured(with_slopes(slopes))
    assert columns["angle_2"] == columns["angle_3"] == pytest.approx(0.0, abs=1e-12)
    assert columns["angle_1"] == columns["angle_max"] > 0.05


@pytest.mark.parametrize("factor", [0.5, 1.25])
def test_scaling_and_translating_the_gate_changes_the_scale_alone(factor):
    columns = measured(with_slopes(factor * TRUE["gate_coef"] + np.array([0.7, -2.0])))
    assert columns["scale"] == pytest.approx(abs(factor - 1.0))
    assert columns["angle_max"] < 1e-12


@pytest.mark.parametrize("order", [[1, 2, 0], [2, 1, 0]])
def test_labels_do_not_matter(order):
    fit = turned(0.1)
    assert measured(fit.take(order)) == pytest.approx(measured(fit), rel=1e-9)


def test_a_boundary_that_is_missing_is_not_a_number():
    columns = measured(with_slopes([[3.0, 0.0], [3.0, 0.0], [0.0, 0.0]]), n_active=1)
    assert np.isnan(columns["angle_1"]) and np.isnan(columns["angle_max"])
    assert np.isfinite([columns["angle_2"], columns["angle_3"]]).all()


def test_angles_are_compared_around_the_circle():
    assert angle_between(np.pi - 0.01, -np.pi + 0.02) == pytest.approx(0.03)
    with pytest.raises(ValueError, match="two covariates"):
        boundary_angles([[1.0], [2.0]], 1)


def test_the_triangles_make_up_the_square():
    cuts = [0.3, 2.0, -1.1]
    x, weight = triangle_design(-1.0, 2.0, cuts, n=5)
    assert weight.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(weight @ x, [0.5, 0.5])
    np.testing.assert_allclose(weight @ (x[:, 0] * x[:, 1] ** 2), 0.5 * 1.0)
    # A wedge between two cuts holds just its area.
    x, weight = triangle_design(-1.0, 1.0, [0.3, 0.5], n=3)
    angle = np.arctan2(x[:, 1], x[:, 0])
    inside = (angle > 0.3) & (angle < 0.5)
    assert weight[inside].sum() == pytest.approx((np.tan(0.5) - np.tan(0.3)) / 8.0)
    with pytest.raises(ValueError, match="origin inside"):
        triangle_design(0.0, 1.0, [])


def test_the_distance_sees_wedges_that_a_grid_misses():
    fitted = Fitted(turned(1e-3), TRUE, PLANE, X)
    coarse, fine = (RayHellinger(n)(fitted)["hellinger"] for n in (4, 8))
    assert coarse == pytest.approx(fine, rel=0.02)
    assert PLANE.hellinger(fitted.measure, 20) != pytest.approx(fine, rel=0.1)
    # In the wedges, delta / 2 of all angles, h is of order 1; elsewhere it is of order delta.
    assert 1e-4 < fine < 1e-3


def test_on_a_line_the_cut_is_at_zero():
    line = Conditional(TRUTHS["topk-line"], 3, Bounds())
    true = line.truth_measure
    fit = MixingMeasure(true.weight, {**true.atoms, "intercept": [2.1, -2.3, 0.2]})
    fitted = Fitted(fit, true, line, X[:, :1])
    few, many = (RayHellinger(n)(fitted)["hellinger"] for n in (4, 12))
    assert few == pytest.approx(many, rel=1e-5)
    assert few == pytest.approx(line.hellinger(fit, 400), rel=1e-3)


def test_gates_that_select_by_logits_are_refused():
    gate = TopK(2, select="logit")
    problem = Conditional(TRUTHS["topk-plane"], 3, Bounds(), gate=gate)
    with pytest.raises(TypeError, match="scores alone"):
        RayHellinger()(Fitted(TRUE, TRUE, problem, X))


def test_nothing_is_left_at_the_truth():
    columns = RayHellinger()(Fitted(TRUE.take([2, 0, 1]), TRUE, PLANE, X))
    assert columns["hellinger"] < 1e-7 and columns["kl"] < 1e-12
