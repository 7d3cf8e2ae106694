"""The dimension jump: the path against brute force, invariances, ties and bad input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixexp.selection import (
    Candidates,
    UnreliableSelectionWarning,
    dimension_jump,
    hull_path,
    penalised,
)
from mixexp.selection.jump import find_jump
from tests.selection.tables import clean_table

# Integers keep all sums exact, so that ties are ties.
contrasts = st.lists(st.integers(-300, 300), min_size=11, max_size=25)
shapes = st.integers(1, 9)


def brute_force(table, kappa):
    """The smallest model among those that minimise, checked one by one."""
    values = penalised(table, kappa)
    return int(np.flatnonzero(values <= values.min() + 1e-9)[0])


@given(contrasts, st.data())
def test_path_is_what_minimises_at_every_multiple(contrast, data):
    steps = data.draw(st.lists(shapes, min_size=len(contrast), max_size=len(contrast)))
    table = Candidates.from_arrays(np.cumsum(steps), contrast)
    path, kappas = hull_path(table)
    assert kappas[0] == 0.0 and (np.diff(kappas) > 0).all()
    assert (np.diff(table.penalty_shape[path]) < 0).all()
    inside = [*(0.5 * (kappas[1:] + kappas[:-1])), 2.0 * kappas[-1] + 1.0]
    assert [brute_force(table, kappa) for kappa in inside] == path.tolist()
    for kappa in np.linspace(0.0, 1.2 * kappas[-1] + 0.1, 40):
        last = np.searchsorted(kappas, kappa + 1e-9, side="right") - 1
        assert penalised(table, kappa)[path[last]] <= penalised(table, kappa).min() + 1e-6


@given(contrasts, st.randoms(use_true_random=False), st.integers(-500, 500))
def test_rows_may_be_shuffled_and_a_constant_added(contrast, random, constant):
    dim = 6.0 * np.arange(1, len(contrast) + 1) - 1
    rows = list(range(len(contrast)))
    random.shuffle(rows)
    one = find_jump(Candidates.from_arrays(dim, contrast))
    moved = np.asarray(contrast)[rows] + constant
    other = find_jump(Candidates.from_arrays(dim[rows], moved, np.array(rows) + 1))
    assert one.selected == other.selected and one.models == other.models
    np.testing.assert_allclose(one.kappas, other.kappas, atol=1e-12)


@given(contrasts, st.sampled_from([0.25, 4.0, 1024.0]))
def test_multiples_scale_with_the_contrast_and_against_the_shape(contrast, scale):
    dim = 6.0 * np.arange(1, len(contrast) + 1) - 1
    one = find_jump(Candidates.from_arrays(dim, contrast))
    taller = find_jump(Candidates.from_arrays(dim, scale * np.asarray(contrast)))
    wider = find_jump(Candidates.from_arrays(dim, contrast, penalty_shape=scale * dim))
    assert one.selected == taller.selected == wider.selected
    np.testing.assert_allclose(taller.kappas, scale * one.kappas)
    np.testing.assert_allclose(wider.kappas, one.kappas / scale)


def test_selected_is_the_minimiser_at_the_multiple_applied():
    for seed in range(20):
        table = clean_table(seed)
        jump = find_jump(table, 2.0)
        assert jump.kappa == 2.0 * jump.kappa_hat
        assert jump.selected == table.names[int(np.argmin(penalised(table, jump.kappa)))]
        assert jump.jumps[jump.at - 1] == jump.jumps.max()
        assert jump.model_at(0.0) == jump.models[0] and jump.model_at(1e9) == jump.models[-1]


def test_model_on_a_breakpoint_is_the_smaller_one():
    jump = find_jump(clean_table(0))
    for kappa, model in zip(jump.kappas, jump.models, strict=True):
        assert jump.model_at(kappa) == model


def test_of_equal_penalties_only_the_smallest_contrast_is_selected():
    table = clean_table(1)
    worse = Candidates.from_arrays(
        np.tile(table.complexity, 2), np.r_[table.contrast, table.contrast + 1.0]
    )
    one, other = find_jump(table), find_jump(worse)
    assert one.selected == other.selected
    np.testing.assert_allclose(one.kappas, other.kappas)
    assert any("40 models share 20 penalties" in text for text in other.findings)


def test_equal_jumps_take_the_smallest_model_and_say_so():
    k = np.arange(1.0, 13.0)
    table = Candidates.from_arrays(6 * k, 1000.0 / k)
    with pytest.warns(UnreliableSelectionWarning, match="11 jumps of 6 are the largest together"):
        jump = dimension_jump(table)
    assert jump.selected == 1 and jump.at == len(jump.kappas) - 1


def test_no_jump_is_said():
    table = Candidates.from_arrays(np.arange(1, 13), np.arange(12.0))
    with pytest.warns(UnreliableSelectionWarning, match="no jump"):
        jump = dimension_jump(table)
    assert jump.at is None and np.isnan(jump.kappa) and jump.selected == 1


def test_threshold_takes_the_first_complexity_below_it():
    table = clean_table(2)
    smallest = table.complexity[0]
    for threshold in (smallest + 0.5, 30.0, 1e6):
        jump = dimension_jump(table, threshold=threshold)
        sizes = table.complexity[jump.path]
        assert sizes[jump.at] < threshold
        assert jump.at == 0 or sizes[jump.at - 1] >= threshold
    assert jump.kappa_hat == 0.0
    with pytest.raises(ValueError, match="threshold is 5"):
        dimension_jump(table, threshold=5)


@pytest.mark.parametrize("count", [1, 10])
def test_too_few_models_are_an_error_with_number_and_remedy(count):
    table = clean_table(0).take(np.arange(count))
    with pytest.raises(ValueError, match=f"candidates holds {count} models.*needs 11.*fit larger"):
        dimension_jump(table)
    assert dimension_jump(clean_table(0).take(np.arange(11))).selected is not None


@pytest.mark.parametrize("factor", [0.0, -2.0, np.nan, np.inf])
def test_factor_must_be_positive(factor):
    with pytest.raises(ValueError, match="factor is"):
        dimension_jump(clean_table(0), factor)
