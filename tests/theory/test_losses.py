"""Voronoi losses: values, exact infimum, invariances, and what they say about identifiability."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from mixexp.models.measure import MixingMeasure
from mixexp.theory import VoronoiLoss, d1, d2, d2_sharp, hellinger, moe_densities
from mixexp.theory.losses.softmax_gaussian import BLOCKS as ALL
from tests.theory.strategies import equivalent, pairs, truths

Loss = Callable[..., VoronoiLoss]
LOSSES = pytest.mark.parametrize("loss", [d1, d2, d2_sharp])

TRUTH = MixingMeasure(
    [0.5, 0.5],
    {
        "gate_coef": [[2.0], [0.0]],
        "coef": [[2.0], [-1.5]],
        "intercept": [2.0, -2.0],
        "variance": [0.25, 0.25],
    },
)


def moved(measure: MixingMeasure, **step: object) -> MixingMeasure:
    atoms = {name: block + np.asarray(step.get(name, 0.0)) for name, block in measure.atoms.items()}
    return MixingMeasure(measure.weight, atoms)


def spelled_out(
    loss: Loss, fitted: MixingMeasure, truth: MixingMeasure, s: float, t2: np.ndarray
) -> float:
    """The sum inside the infimum, atom by atom, for fits without equal atoms."""
    fitted, truth = fitted.normalized(), truth.normalized()
    expert = ("coef", "intercept", "variance")
    centre = truth.flat(expert)
    label = [int(np.argmin(np.linalg.norm(row - centre, axis=1))) for row in fitted.flat(expert)]
    total = 0.0
    for j in range(truth.n_atoms):
        cell = [i for i in range(fitted.n_atoms) if label[i] == j]
        for i in cell:
            g, a, b, v = (np.atleast_1d(fitted[n][i] - truth[n][j]) for n in ALL)
            g = g - t2
            r = 2.0 * len(cell)
            norm = np.linalg.norm
            if loss is d1 or len(cell) == 1:
                error = norm(np.concatenate([g, a, b, v]))
            elif loss is d2:
                error = norm(np.append(g, b)) ** r + norm(np.append(a, v)) ** (r / 2)
            else:
                error = norm(g) ** 2 + norm(a) ** 2 + norm(b) ** r + norm(v) ** (r / 2)
            total += fitted.weight[i] * error
        total += abs(sum(fitted.weight[cell]) - s * truth.weight[j])
    return float(total)


def has_equal_atoms(measure: MixingMeasure) -> bool:
    return len(np.unique(measure.flat(ALL), axis=0)) < measure.n_atoms


@LOSSES
@settings(max_examples=40)
@given(pair=pairs(), data=st.data())
def test_value_is_the_sum_at_the_shift_and_below_it_elsewhere(
    loss: Loss, pair: tuple[MixingMeasure, MixingMeasure], data: st.DataObject
) -> None:
    fitted, truth = pair
    if has_equal_atoms(fitted):
        return
    found = loss(fitted, truth)
    s, t2 = np.exp(found.shift.intercept), found.shift.slope
    assert spelled_out(loss, fitted, truth, s, t2) == pytest.approx(found.value, abs=1e-12)
    step = np.array([data.draw(st.sampled_from([-1.0, -1e-3, 0.0, 1e-4, 0.3])) for _ in t2])
    factor = data.draw(st.sampled_from([0.5, 0.99, 1.0, 1.01, 2.0]))
    assert found.value <= spelled_out(loss, fitted, truth, s * factor, t2 + step) + 1e-13
    assert found.gap <= 1e-12 * (1 + found.value)


@LOSSES
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("d", [1, 2])
def test_infimum_equals_a_search(loss: Loss, seed: int, d: int) -> None:
    rng = np.random.default_rng([seed, d])
    truth = MixingMeasure(
        rng.dirichlet(np.ones(3)),
        {
            "gate_coef": rng.normal(size=(3, d)),
            "coef": rng.normal(size=(3, d)),
            "intercept": 5.0 * np.arange(3),
            "variance": rng.uniform(0.5, 1.0, 3),
        },
    )
    fitted = truth.take([0, 0, 1, 2, 2][: 3 + seed % 3])
    fitted = moved(fitted, **{n: 0.4 * rng.normal(size=b.shape) for n, b in fitted.atoms.items()})
    fitted = MixingMeasure(
        fitted.weight, {**fitted.atoms, "variance": np.maximum(fitted["variance"], 0.05)}
    )
    found = loss(fitted, truth)
    mass = [fitted.weight[cell].sum() / fitted.weight.sum() for cell in found.cells]
    # In s the sum is piecewise linear, so its minimum is at a break point.
    s = min(mass / truth.weight, key=lambda s: np.abs(mass - s * truth.weight).sum())
    searches = [
        minimize(
            lambda t: spelled_out(loss, fitted, truth, s, t),
            start,
            method="Nelder-Mead",
            options={"xatol": 1e-10, "fatol": 1e-14, "maxiter": 500},
        ).fun
        for start in (np.zeros(d), found.shift.slope + 0.01)
    ]
    assert min(searches) == pytest.approx(found.value, abs=1e-8)
    assert found.value <= min(searches) + 1e-13


@LOSSES
@settings(max_examples=25)
@given(pair=pairs(), data=st.data())
def test_relabelling_translating_and_splitting_change_nothing(
    loss: Loss, pair: tuple[MixingMeasure, MixingMeasure], data: st.DataObject
) -> None:
    fitted, truth = pair
    for cells in ("expert", "all"):
        before = loss(fitted, truth, cells=cells)
        same = data.draw(equivalent(fitted)), data.draw(equivalent(truth))
        after = loss(*same, cells=cells)
        assert after.value == pytest.approx(before.value, rel=1e-9, abs=1e-11)
        assert after.identifiable == before.identifiable


@LOSSES
@settings(max_examples=25)
@given(truth=truths(), data=st.data())
def test_zero_at_the_truth(loss: Loss, truth: MixingMeasure, data: st.DataObject) -> None:
    assert loss(truth, truth).value == 0
    assert loss(data.draw(equivalent(truth)), truth).value <= 1e-13


@LOSSES
@settings(max_examples=25)
@given(truth=truths(min_atoms=2), data=st.data())
def test_positive_off_the_truth(loss: Loss, truth: MixingMeasure, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["weight", *ALL]))
    values = np.array(truth.weight if name == "weight" else truth[name])
    values.reshape(len(values), -1)[0, 0] += 0.5
    weight = values if name == "weight" else truth.weight
    blocks = {} if name == "weight" else {name: values}
    assert loss(MixingMeasure(weight, {**truth.atoms, **blocks}), truth).value > 1e-3


def test_table_of_a_cell_of_two() -> None:
    # Weights 1/4, 1/4, 1/2; the singleton cell outweighs the pull on t2 and pins it at 0 for d1.
    step = {"intercept": [0.3, -0.1, 0.0], "coef": [[0.2], [0.0], [0.0]], "variance": [0, 0.1, 0.0]}
    fitted = moved(TRUTH.split(0, [0.5, 0.5]), **step)
    expected = (0.3**4 + 0.1**4 + 0.2**2 + 0.1**2) / 4
    assert d2(fitted, TRUTH).value == pytest.approx(expected, rel=1e-12)
    expected = (0.2**2 + 0.3**4 + 0.1**4 + 0.1**2) / 4
    assert d2_sharp(fitted, TRUTH).value == pytest.approx(expected, rel=1e-12)
    expected = (np.hypot(0.3, 0.2) + np.hypot(0.1, 0.1)) / 4
    assert d1(fitted, TRUTH).value == pytest.approx(expected, rel=1e-12)


def test_powers_follow_the_size_of_the_cell() -> None:
    fitted = moved(TRUTH.split(0, [0.5, 0.25, 0.25]), intercept=[0.3, -0.1, 0.2, 0.0])
    powers = {row.blocks: row.power for row in d2(fitted, TRUTH).table if row.cell == 0}
    assert powers[("gate_coef", "intercept")] == 6
    assert powers[("coef", "variance")] == 3
    sharp = {row.blocks[0]: row.power for row in d2_sharp(fitted, TRUTH).table if row.cell == 0}
    assert sharp == {"gate_coef": 2, "coef": 2, "intercept": 6, "variance": 3, "weight": 1}
    lone = {row.blocks: row.power for row in d2_sharp(fitted, TRUTH).table if row.cell == 1}
    assert lone == {ALL: 1, ("weight",): 1}


@LOSSES
@settings(max_examples=25)
@given(pair=pairs())
def test_table_adds_up_and_cells_hold_every_atom(
    loss: Loss, pair: tuple[MixingMeasure, MixingMeasure]
) -> None:
    found = loss(*pair)
    assert float(found) == pytest.approx(sum(row.value for row in found.table), rel=1e-14)
    assert sorted(np.concatenate(found.cells)) == list(range(pair[0].n_atoms))


def test_half_of_the_true_weight_in_an_empty_cell() -> None:
    found = d1(TRUTH.take([0, 0]), MixingMeasure([1.0, 3.0], TRUTH.atoms))
    assert found.shift.intercept == -np.inf
    assert found.value == pytest.approx(1.0)


def test_common_cosh_factor_has_the_density_of_the_truth_but_is_flagged() -> None:
    step = np.array([[0.5], [-0.5]] * 2)
    fitted = moved(TRUTH.split(0, [0.5, 0.5]).split(2, [0.5, 0.5]), gate_coef=step)
    x = np.linspace(-1, 1, 9)[:, None]
    log_p, log_q, panels = moe_densities(fitted, TRUTH, x)
    y = panels.nodes()[0]
    np.testing.assert_allclose(
        log_p(panels.row[:, None], y), log_q(panels.row[:, None], y), rtol=0, atol=1e-13
    )
    assert hellinger(log_p, log_q, panels).max() < 1e-13
    for loss in (d2, d2_sharp):
        assert loss(fitted, TRUTH).value > 0.05
        assert not loss(fitted, TRUTH).identifiable
        assert loss(fitted.take([0, 1, 2]), TRUTH).identifiable


def test_exponents_of_large_cells() -> None:
    copies = TRUTH.split(0, [0.25] * 4)
    fitted = moved(copies, intercept=[0.3, -0.1, 0.2, 0.1, 0.0])
    assert d2(fitted, TRUTH).derived_order
    assert not d1(fitted, TRUTH).derived_order
    assert not d2(fitted.take([0, 1, 2, 4]), TRUTH).derived_order
    given_ = d2(fitted, TRUTH, r_bar={4: 7.0})
    assert not given_.derived_order
    assert given_.table[0].power == 7
    with pytest.raises(ValueError, match=r"r_bar has no exponent for cells of size \[4\]"):
        d2(fitted, TRUTH, r_bar={2: 4.0})


def test_cells_by_all_parameters() -> None:
    # The third expert is a little nearer to the second true one, its gate to the first one's.
    atoms = {"gate_coef": [[9.0]], "coef": [[0.2]], "intercept": [-0.1], "variance": [0.25]}
    third = {name: np.vstack([TRUTH.flat([name]), np.atleast_2d(atoms[name])]) for name in ALL}
    third |= {name: third[name][:, 0] for name in ("intercept", "variance")}
    fitted = MixingMeasure([0.45, 0.45, 0.1], third).translate(slope=[100.0])
    assert [c.tolist() for c in d2(fitted, TRUTH).cells] == [[0], [1, 2]]
    assert [c.tolist() for c in d2(fitted, TRUTH, cells="all").cells] == [[0, 2], [1]]
    with pytest.raises(ValueError, match="cells is 'both'"):
        d1(TRUTH, TRUTH, cells="both")  # type: ignore[arg-type]


def test_gate_without_slopes() -> None:
    constant = MixingMeasure(TRUTH.weight, {**TRUTH.atoms, "gate_coef": np.empty((2, 0))})
    assert d1(moved(constant, intercept=[0.2, 0.0]), constant).value == pytest.approx(0.1)


def test_measures_of_different_models_are_refused() -> None:
    wide = MixingMeasure(TRUTH.weight, {**TRUTH.atoms, "coef": np.ones((2, 2))})
    with pytest.raises(ValueError, match="'coef' has shape"):
        d1(wide, TRUTH)
    poor = MixingMeasure([1.0], {"intercept": [0.0]})
    with pytest.raises(ValueError, match="lacks the blocks"):
        d2(poor, poor)
