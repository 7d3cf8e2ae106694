"""Independent tasks here or in workers: the same results, one thread each, interrupts passed on."""

from __future__ import annotations

import os

import pytest
from threadpoolctl import threadpool_info

from mixexp.estimation.executors import number_of_workers, run_tasks


def squared(number: int) -> int:
    return number * number


def process_and_threads(_: int) -> tuple[int, set[int]]:
    import numpy  # noqa: F401

    return os.getpid(), {pool["num_threads"] for pool in threadpool_info()}


def stubborn(number: int) -> int:
    if number == 2:
        raise KeyboardInterrupt
    return number


def test_results_carry_the_number_of_their_task():
    tasks = [5, 3, 4]
    assert list(run_tasks(squared, tasks)) == [(0, 25), (1, 9), (2, 16)]
    assert sorted(run_tasks(squared, tasks, 2)) == [(0, 25), (1, 9), (2, 16)]
    assert list(run_tasks(squared, [])) == []


def test_every_task_has_one_thread():
    here = [found for _, found in run_tasks(process_and_threads, [0, 1])]
    assert {pid for pid, _ in here} == {os.getpid()}
    away = [found for _, found in run_tasks(process_and_threads, [0, 1, 2, 3], 2)]
    assert os.getpid() not in {pid for pid, _ in away}
    assert set().union(*(threads for _, threads in here + away)) <= {1}


def test_an_interrupt_comes_after_what_was_done():
    results = run_tasks(stubborn, [0, 1, 2, 3])
    assert [next(results), next(results)] == [(0, 0), (1, 1)]
    with pytest.raises(KeyboardInterrupt):
        next(results)


def test_numbers_of_workers_are_joblibs():
    assert number_of_workers(None) == 1 and number_of_workers(2) == 2
    assert number_of_workers(-1) == (os.cpu_count() or 1)
    with pytest.raises(ValueError, match="n_jobs=0 runs nothing: use None"):
        number_of_workers(0)
