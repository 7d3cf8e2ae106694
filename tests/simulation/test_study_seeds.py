from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_study import toy, two_rows

import mixexp
from mixexp.simulation import Study, StudyTask, log_spaced_sizes


def state(task):
    return task.seed_sequence().generate_state(4).tolist()


def test_seeds_do_not_change_between_versions_and_processes():
    # Values written down once: Python's string hash or a change of the key would alter them.
    task = StudyTask(Study("pinned", (10,), 1, dict), n=1000, replicate=7)
    assert state(task) == [3116418249, 1318096523, 1411122772, 3805395782]


def test_seeds_depend_on_name_size_and_replicate_only():
    one = Study("a", (10, 20), 3, dict)
    other = Study("a", (20,), {20: 5}, dict, params={"k": 3}, version="2")
    assert state(StudyTask(one, 20, 1)) == state(StudyTask(other, 20, 1))
    states = {tuple(state(task)) for task in one.tasks()}
    states.add(tuple(state(StudyTask(Study("b", (10,), 1, dict), 10, 0))))
    assert len(states) == 7


def test_drawing_from_one_task_does_not_move_another():
    first, second = toy().tasks()[:2]
    before = second.rng().normal(size=3)
    first.rng().normal(size=100)
    np.testing.assert_array_equal(before, second.rng().normal(size=3))


def test_configuration_covers_params_version_and_package(monkeypatch):
    def config(**changes):
        return Study(
            **({"name": "a", "sizes": (10,), "replicates": 1, "run": dict} | changes)
        ).config

    base = config(params={"k": 2, "box": (1.0, 2.0)})
    assert base == config(params={"box": [1.0, 2.0], "k": np.int64(2)}, replicates=9, sizes=(5,))
    assert base != config(params={"k": 3, "box": (1.0, 2.0)})
    assert base != config(params={"k": 2, "box": (1.0, 2.0)}, version="2")
    monkeypatch.setattr(mixexp, "__version__", "99")
    assert base != config(params={"k": 2, "box": (1.0, 2.0)})


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"name": ""}, ValueError, "name"),
        ({"sizes": ()}, ValueError, "sizes"),
        ({"sizes": (0, 10)}, ValueError, "sizes"),
        ({"run": 3}, TypeError, "run"),
        ({"replicates": {10: 2}}, ValueError, r"\[20\]"),
        ({"replicates": 0}, ValueError, "replicates"),
        ({"params": {"x": float("nan")}}, ValueError, r"params\['x'\]"),
        ({"params": {"x": {1: 2}}}, TypeError, "strings"),
        ({"params": {"x": [object()]}}, TypeError, r"params\['x'\]\[0\]"),
    ],
)
def test_malformed_studies_are_refused(changes, error, words):
    fields = {"name": "a", "sizes": (10, 20), "replicates": 1, "run": two_rows} | changes
    with pytest.raises(error, match=words):
        Study(**fields)


def test_cost_must_be_positive():
    study = Study("a", (10,), 1, dict, cost=lambda n: 0.0)
    with pytest.raises(ValueError, match=r"cost\(10\)"):
        study.task_cost(10)


@given(st.integers(1, 1000), st.integers(2, 10_000), st.integers(2, 12))
def test_log_spaced_sizes_keep_the_ends_and_increase(smallest, factor, number):
    sizes = log_spaced_sizes(smallest, smallest * factor, number)
    assert (sizes[0], sizes[-1]) == (smallest, smallest * factor)
    assert list(sizes) == sorted(set(sizes))
    assert len(sizes) <= number


def test_log_spaced_sizes_are_evenly_spaced():
    steps = np.diff(np.log(log_spaced_sizes(300, 100_000, 7)))
    np.testing.assert_allclose(steps, steps.mean(), rtol=0.01)


def test_an_empty_range_of_sizes_is_refused():
    with pytest.raises(ValueError, match="smallest"):
        log_spaced_sizes(100, 100, 3)
