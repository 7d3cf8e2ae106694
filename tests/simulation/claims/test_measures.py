"""Columns of measures on fits whose errors are known."""

import numpy as np
import pytest

from mixexp.estimation.box import Bounds
from mixexp.models import MixingMeasure, Softmax, Temperature
from mixexp.simulation.claims.measures.as_published import AsPublished
from mixexp.simulation.claims.measures.basic import Cells, Fitted, Hellinger, Loss
from mixexp.simulation.claims.measures.gate_of_cells import GateOfCells
from mixexp.simulation.claims.measures.mirrored import Mirrored, mirror
from mixexp.simulation.claims.measures.reference_cell import ReferenceCell
from mixexp.simulation.claims.measures.split_cell import SplitCell
from mixexp.simulation.claims.problems.conditional import Conditional
from mixexp.simulation.claims.problems.on_grid import OnGrid
from mixexp.simulation.claims.problems.scale_ray import Ratios
from mixexp.theory.losses import activation_gaussian, softmax_gaussian, temperature_gaussian
from mixexp.theory.truths.named import TRUTHS

BALANCED, FOUR, LAMBDA = (TRUTHS[name].measure for name in ("balanced", "four", "lambda"))
SHARP = softmax_gaussian.d2_sharp
X = np.linspace(-1.0, 1.0, 50)[:, None]


def fitted(measure, truth, problem=None):
    return Fitted(measure, truth, problem, X)


def moved(measure, **by):
    blocks = {
        name: block + np.asarray(by[name], dtype=float) if name in by else block
        for name, block in measure.atoms.items()
    }
    return MixingMeasure(measure.weight, blocks)


def test_a_loss_under_its_name():
    measure = moved(BALANCED, intercept=[0.1, 0.0])
    columns = Loss("d1", softmax_gaussian.d1)(fitted(measure, BALANCED))
    assert columns == {"d1": pytest.approx(0.05)}


def test_cells_by_size():
    six = FOUR.take([0, 0, 1, 2, 2, 2]).normalized()
    six = MixingMeasure(np.ones(6), six.atoms)
    six = moved(six, intercept=[0.2, -0.2, 0.05, 0.3, 0.0, -0.3])
    columns = Cells(SHARP)(fitted(six, FOUR))
    assert columns["pattern"] == "2+1+3+0"
    assert columns["split_cell"] == -1
    assert columns["pair_intercept"] == pytest.approx(0.2)
    # r-bar of three atoms is 6.
    assert columns["triple_intercept"] == pytest.approx(0.3 * (2 / 3) ** (1 / 6))
    assert columns["single_intercept"] == pytest.approx(0.05)
    assert columns["single"] == pytest.approx(0.05)
    assert columns["mean_intercept"] == pytest.approx(0.0, abs=1e-12)
    assert columns["min_weight"] == pytest.approx(1 / 6)
    # Masses 2, 1, 3, 0 sixths against four quarters times the best common factor.
    assert columns["weight"] == pytest.approx(min(
        sum(abs(m / 6 - s) for m in (2, 1, 3, 0)) for s in np.linspace(0, 1, 6001)
    ), abs=1e-3)  # fmt: skip


def test_cells_of_two_do_not_count_among_those_of_three():
    measure = moved(FOUR.take([0, 0, 1, 2, 2, 2, 3]), intercept=[0.5, -0.5, 0, 0.1, 0, -0.1, 0])
    columns = Cells(SHARP)(fitted(measure, FOUR))
    assert columns["pair_intercept"] == pytest.approx(0.5)
    assert columns["triple_intercept"] == pytest.approx(0.1 * (2 / 3) ** (1 / 6))
    pair = Cells(SHARP)(fitted(BALANCED.take([0, 1, 1]), BALANCED))
    assert not any(name.startswith("triple") for name in pair)


def test_the_only_split_cell_is_named():
    three = moved(BALANCED.take([0, 1, 1]), intercept=[0.0, 0.3, -0.3])
    assert Cells(SHARP)(fitted(three, BALANCED))["split_cell"] == 1
    named = SplitCell(SHARP)(fitted(three, BALANCED))
    assert named["cell_1_intercept"] == pytest.approx(0.3)
    assert not any(name.startswith("cell_0") for name in named)
    four = moved(BALANCED.take([0, 0, 1, 1]), intercept=[0.1, -0.1, 0.3, -0.3])
    assert SplitCell(SHARP)(fitted(four, BALANCED)) == {}
    assert Cells(SHARP)(fitted(BALANCED, BALANCED))["split_cell"] == -1


def test_hellinger_of_equal_and_of_moved_laws():
    problem = Conditional(TRUTHS["balanced"], 2, Bounds())
    assert Hellinger()(fitted(BALANCED, BALANCED, problem))["hellinger"] < 1e-7
    both = moved(BALANCED, intercept=[0.4, 0.4])
    # Both normal laws move by 0.4 at standard deviation 1/2, and they hardly overlap.
    expected = np.sqrt(1 - np.exp(-(0.4**2) / 8 / 0.25))
    found = Hellinger()(fitted(both, BALANCED, problem))["hellinger"]
    assert found == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("delta", [0.5, 3.0])
def test_gates_of_cells_stay_along_the_orbit_where_the_loss_does_not(delta):
    twice = BALANCED.take([0, 0, 1, 1])
    sign = np.array([[1.0], [-1.0], [1.0], [-1.0]])
    orbit = moved(twice, gate_coef=delta * sign).translate(0.7, [0.4])
    assert GateOfCells(SHARP)(fitted(orbit, BALANCED))["cell_gate"] < 1e-14
    assert float(softmax_gaussian.d2(orbit, BALANCED)) > 0.05 * delta**4
    problem = Conditional(TRUTHS["balanced"], 4, Bounds())
    assert Hellinger()(fitted(orbit, BALANCED, problem))["hellinger"] < 1e-7
    off = moved(twice, gate_coef=delta * sign * [[1.0], [1.0], [0.0], [0.0]])
    assert GateOfCells(SHARP)(fitted(off, BALANCED))["cell_gate"] > 0.005


def test_gates_of_cells_by_hand():
    heavier = MixingMeasure([3.0, 1.0], BALANCED.atoms)
    odds = np.exp(2.0 * X[:, 0])
    expected = np.abs(3 * odds / (3 * odds + 1) - odds / (odds + 1)).mean()
    found = GateOfCells(SHARP)(fitted(heavier, BALANCED))["cell_gate"]
    assert found == pytest.approx(expected, rel=1e-12)


def test_ratios_do_not_see_the_scale_and_raw_errors_do():
    truth = TRUTHS["temperature"].measure
    for c in (0.2, 5.0):
        scaled = {name: c * truth[name] for name in ("gate_coef", "gate_temperature")}
        other = MixingMeasure(truth.weight, {**truth.atoms, **scaled}).take([1, 0])
        other = moved(other, gate_coef=[[1.0], [1.0]])
        columns = Ratios(temperature_gaussian.d(1.0))(fitted(other, truth))
        assert columns["ratio_gate_coef"] == pytest.approx(0.0, abs=1e-12)
        assert columns["ratio_gate_intercept"] == pytest.approx(0.0, abs=1e-12)
        assert columns["raw_gate_coef"] == pytest.approx(2.0 * abs(c - 1.0))
        assert columns["raw_gate_intercept"] == pytest.approx(0.3 * abs(c - 1.0))
        assert columns["raw_temperature"] == pytest.approx(0.5 * abs(c - 1.0))


def test_ratios_by_hand_and_none_without_a_match():
    truth = TRUTHS["temperature"].measure
    steeper = moved(truth, gate_coef=[[0.1], [0.0]])
    columns = Ratios(temperature_gaussian.d(1.0))(fitted(steeper, truth))
    assert columns["ratio_gate_coef"] == pytest.approx(0.2)
    assert columns["raw_gate_coef"] == pytest.approx(0.1)
    split = moved(truth.take([0, 0, 1]), intercept=[0.1, -0.1, 0.0])
    assert Ratios(temperature_gaussian.d(1.0))(fitted(split, truth)) == {}


def test_the_mirror_image_is_the_same_law():
    truth = TRUTHS["activation"]
    image = truth.model.from_measure(mirror(truth.measure).take([1, 0]))
    x, y = truth.sample(200, np.random.default_rng(0))
    np.testing.assert_allclose(
        truth.model.log_prob(image, x, y), truth.model.log_prob(truth.params, x, y), atol=1e-12
    )


def test_errors_are_from_the_nearer_image():
    truth = TRUTHS["activation"].measure
    d = activation_gaussian.d
    measure = Mirrored(d, (Loss("d", d), Cells(d)))
    for base, flag in ((truth, False), (mirror(truth), True)):
        columns = measure(fitted(moved(base, intercept=[0.1, 0.0]), truth))
        assert columns["mirrored"] is flag
        assert columns["single_intercept"] == pytest.approx(0.1)
        assert columns["single_gate_coef"] == pytest.approx(0.0, abs=1e-12)
    with pytest.raises(ValueError, match="no mirror image"):
        mirror(FOUR)


def test_the_cell_of_the_reference():
    truth = TRUTHS["activation"].measure
    last = moved(truth.take([0, 1, 1]), gate_coef=[[0.0], [0.1], [0.0]])
    columns = ReferenceCell(activation_gaussian.d)(fitted(last, truth))
    assert all(name.startswith("reference_") for name in columns)
    first = moved(truth.take([0, 0, 1]), gate_coef=[[0.1], [-0.1], [0.0]])
    columns = ReferenceCell(activation_gaussian.d)(fitted(first, truth))
    assert columns["other_gate_coef"] == pytest.approx(0.1)
    assert ReferenceCell(activation_gaussian.d)(fitted(truth, truth)) == {}


def published(measure):
    return AsPublished()(fitted(measure, LAMBDA))["published"]


def test_the_published_loss_of_single_cells_adds_absolute_errors():
    assert published(LAMBDA) == 0.0
    fit = moved(
        LAMBDA, gate_coef=[[0.3], [0.0]], coef=[[0.0], [0.2]], intercept=[0.0, -0.1],
        variance=[0.0, 0.05],
    )  # fmt: skip
    assert published(fit) == pytest.approx(np.exp(-8.0) * 0.3 + 0.2 + 0.1 + 0.05)


def test_the_published_loss_of_two_atoms_has_powers_four_and_two():
    atoms = LAMBDA.take([0, 0, 1])
    # Weights e^-8 each: copies are not divided.
    fit = moved(atoms, intercept=[0.2, 0.0, 0.0], coef=[[0.0], [0.3], [0.0]])
    weight = np.exp(-8.0)
    assert published(fit) == pytest.approx(weight * (0.2**4 + 0.3**2) + weight, rel=1e-9)


def test_the_published_loss_of_three_atoms_has_powers_six_and_three():
    fit = moved(LAMBDA.take([0, 1, 1, 1]), gate_coef=[[0.0], [0.5], [0.0], [0.0]],
                variance=[0.0, 0.0, 0.1, 0.0])  # fmt: skip
    assert published(fit) == pytest.approx(0.5**6 + 0.1**3 + 2.0, rel=1e-9)


def test_the_published_loss_needs_the_infimum():
    halved = LAMBDA.split(1, [0.5, 0.5])
    assert published(halved) == pytest.approx(1.0, abs=1e-3)
    assert float(softmax_gaussian.d2(halved, LAMBDA)) == pytest.approx(0.0, abs=1e-12)


def test_the_published_loss_has_the_reference_of_the_fit():
    # A separated start may make the other expert the reference.
    swapped = LAMBDA.take([1, 0]).translate(0.0, [-25.0])
    assert published(swapped) == pytest.approx(0.0, abs=1e-9)


def test_the_grid_of_the_published_simulation():
    problem = OnGrid(TRUTHS["lambda"], 2, Bounds())
    x, first = problem.sample(101, np.random.default_rng(0))
    again, second = problem.sample(101, np.random.default_rng(1))
    np.testing.assert_array_equal(x[:, 0], np.linspace(0.0, 1.0, 101))
    np.testing.assert_array_equal(x, again)
    assert not np.array_equal(first, second)


def test_a_free_temperature_that_is_not_normalised_says_so():
    assert "normalize=False" in repr(Temperature(Softmax(), normalize=False))
