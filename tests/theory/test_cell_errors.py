"""Errors by cell and block."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixexp.models.measure import MixingMeasure
from mixexp.theory import cell_errors, d1, d2
from mixexp.theory.losses import softmax_multinomial, topk_gaussian
from tests.theory.strategies import equivalent, pairs

TRUTH = MixingMeasure(
    [0.5, 0.5],
    {
        "gate_coef": [[2.0], [0.0]],
        "coef": [[2.0], [-1.5]],
        "intercept": [2.0, -2.0],
        "variance": [0.25, 0.25],
    },
)
SPLIT = MixingMeasure(
    [0.2, 0.3, 0.5],
    {
        "gate_coef": [[2.6], [3.1], [1.1]],
        "coef": [[2.3], [1.9], [-1.5]],
        "intercept": [2.2, 1.7, -2.1],
        "variance": [0.25, 0.35, 0.35],
    },
)


def test_a_split_cell_by_hand() -> None:
    first, second = cell_errors(SPLIT, TRUTH)
    share = np.array([0.4, 0.6])
    # The lone singleton, off by 1.1, aligns the gate.
    assert first["gate_coef"] == pytest.approx((share @ np.array([-0.5, 0.0]) ** 2) ** 0.5)
    assert first["coef"] == pytest.approx((share @ np.array([0.3, 0.1]) ** 2) ** 0.5)
    assert first["intercept"] == pytest.approx((share @ np.array([0.2, 0.3]) ** 4) ** 0.25)
    assert first["variance"] == pytest.approx((share @ np.array([0.0, 0.1]) ** 2) ** 0.5)
    assert first["intercept_mean"] == pytest.approx(abs(0.4 * 0.2 - 0.6 * 0.3))
    assert first["gate_coef_mean"] == pytest.approx(0.2)
    assert (first["size"], second["size"]) == (2, 1)
    assert (first["reference"], second["reference"]) == (False, True)
    assert second["gate_coef"] == 0
    assert second["intercept"] == pytest.approx(0.1)
    assert second["variance"] == second["variance_mean"] == pytest.approx(0.1)


def test_powers_in_a_cell_of_three() -> None:
    copies = TRUTH.split(0, [0.25, 0.25, 0.5])
    step = {"intercept": [0.4, 0.1, -0.3, 0.0], "variance": [0.1, 0.2, 0.3, 0.0]}
    fitted = MixingMeasure(
        copies.weight, {**copies.atoms, **{n: copies[n] + s for n, s in step.items()}}
    )
    row = cell_errors(fitted, TRUTH)[0]
    share = np.array([0.25, 0.25, 0.5])
    assert row["intercept"] == pytest.approx((share @ np.array([0.4, 0.1, 0.3]) ** 6) ** (1 / 6))
    assert row["variance"] == pytest.approx((share @ np.array([0.1, 0.2, 0.3]) ** 3) ** (1 / 3))
    other = cell_errors(fitted, TRUTH, r_bar={3: 8.0})[0]["intercept"]
    assert other == pytest.approx((share @ np.array([0.4, 0.1, 0.3]) ** 8) ** (1 / 8))


def test_powers_and_cells_are_those_of_the_loss() -> None:
    row = cell_errors(SPLIT, TRUTH, loss=d2)[0]
    share = np.array([0.4, 0.6])
    assert row["gate_coef"] == pytest.approx((share @ np.array([-0.5, 0.0]) ** 4) ** 0.25)
    assert row["coef"] == pytest.approx((share @ np.array([0.3, 0.1]) ** 2) ** 0.5)
    far = {**TRUTH.atoms, "gate_coef": [[40.0], [0.0]]}
    between = {"gate_coef": [[40.0], [0.0], [39.0]], "coef": [[2.0], [-1.5], [0.0]],
               "intercept": [2.0, -2.0, -0.4], "variance": [0.25] * 3}  # fmt: skip
    pair = MixingMeasure([1.0, 1.0, 0.1], between), MixingMeasure([1.0, 1.0], far)
    assert [row["size"] for row in cell_errors(*pair)] == [1, 2]
    rows = cell_errors(*pair, loss=topk_gaussian.d2(1))
    assert [row["size"] for row in rows] == [2, 1]


def test_a_block_with_a_row_for_every_class_is_one_number() -> None:
    blocks = {"gate_coef": [[2.0], [0.0]], "intercept": [[4.0, 0.0, 0.0], [-4.0, 1.0, 0.0]],
              "coef": np.ones((2, 3, 1)) * [[1.0], [2.0], [0.0]]}  # fmt: skip
    truth = MixingMeasure([0.5, 0.5], blocks)
    fitted = truth.split(0, [0.5, 0.5])
    step = np.array([[0.3, 0.4, 0.0], [-0.3, 0.0, 0.0], [0.0, 0.0, 0.0]])
    fitted = MixingMeasure(fitted.weight, {**fitted.atoms, "intercept": fitted["intercept"] + step})
    row = cell_errors(fitted, truth, loss=softmax_multinomial.d1)[0]
    assert row["intercept"] == pytest.approx(((0.5**2 + 0.3**2) / 2) ** 0.5)
    assert row["intercept_mean"] == pytest.approx(0.2)
    assert row["coef"] == row["coef_mean"] == 0


def test_singleton_cells_align_the_gate_as_d1_does() -> None:
    fitted = SPLIT.take([0, 2])
    shift = d1(fitted, TRUTH).shift.slope
    rows = cell_errors(fitted, TRUTH)
    assert rows[0]["gate_coef"] == pytest.approx(abs(0.6 - shift[0]))
    assert rows[1]["gate_coef"] == pytest.approx(abs(1.1 - shift[0]))
    assert not any(row["reference"] for row in rows)


def test_weights_and_empty_cells() -> None:
    rows = cell_errors(SPLIT.take([0, 1]), TRUTH)
    assert rows[0]["mass"] == 1
    assert rows[1]["size"] == 0
    assert np.isnan([rows[1]["coef"], rows[1]["coef_mean"]]).all()
    # The best scale for masses (1, 0) against (1/2, 1/2) is any in [0, 2].
    assert rows[0]["weight"] + rows[1]["weight"] == pytest.approx(1.0)


@settings(max_examples=40)
@given(pair=pairs(), data=st.data())
def test_invariances(pair: tuple[MixingMeasure, MixingMeasure], data: st.DataObject) -> None:
    fitted, truth = pair
    before = cell_errors(fitted, truth)
    after = cell_errors(data.draw(equivalent(fitted)), truth)
    sizes = [row["size"] for row in before]
    if 1 not in sizes:
        # Without a singleton the optimal shift need not be unique; the experts' errors are.
        before, after = ([_without_gate(row) for row in rows] for rows in (before, after))
    elif sizes.count(1) > 1:
        return
    for old, new in zip(before, after, strict=True):
        assert new == pytest.approx(old, abs=1e-9, nan_ok=True)


def _without_gate(row: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in row.items() if not name.startswith("gate")}


def test_frame() -> None:
    frame = cell_errors(SPLIT, TRUTH, as_frame=True)
    assert frame.loc[0, "size"] == 2
    assert frame.shape == (2, len(cell_errors(SPLIT, TRUTH)[0]))
