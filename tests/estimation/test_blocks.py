"""Sums over blocks of rows: the order of the additions depends on the number of rows alone."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from mixexp.estimation.blocks import add_into, single_threaded_blas, sum_over_blocks
from tests.instances import generator

# Of so different a size that the sum shows in which order they were added.
NUMBERS = generator("blocks").normal(size=1500) * 10.0 ** generator("sizes").uniform(-9, 9, 1500)


def partial(start: int, stop: int) -> list[np.ndarray]:
    # Early tasks are the slow ones, so that they end last.
    time.sleep(1e-3 if start < 50 else 0.0)
    return [np.array(NUMBERS[start:stop].sum()), NUMBERS[start:stop][:1] * np.ones(2)]


@pytest.mark.parametrize("block_rows", [1, 3, 64, 5000])
def test_threads_do_not_change_a_bit(block_rows: int) -> None:
    one = sum_over_blocks(partial, len(NUMBERS), block_rows)
    for n_threads in (2, 3, 8):
        more = sum_over_blocks(partial, len(NUMBERS), block_rows, n_threads)
        assert all(np.array_equal(a, b) for a, b in zip(one, more, strict=True))
    assert one[0] == pytest.approx(NUMBERS.sum(), rel=1e-9)


def test_the_numbers_do_show_the_order_of_additions() -> None:
    assert sum(NUMBERS.tolist()) != sum(NUMBERS[::-1].tolist())


def test_every_row_is_in_one_block() -> None:
    seen: list[int] = []
    lock = threading.Lock()

    def count(start: int, stop: int) -> list[np.ndarray]:
        assert 0 < stop - start <= 7
        with lock:
            seen.extend(range(start, stop))
        return [np.array(float(stop - start))]

    total = sum_over_blocks(count, 1000, 7, n_threads=3)
    assert total[0] == 1000.0
    assert sorted(seen) == list(range(1000))


@pytest.mark.parametrize("n_threads", [1, 3])
def test_an_error_in_a_block_is_raised(n_threads: int) -> None:
    def broken(start: int, stop: int) -> list[np.ndarray]:
        if start >= 500:
            raise FloatingPointError("block 500")
        return [np.zeros(1)]

    with pytest.raises(FloatingPointError, match="block 500"):
        sum_over_blocks(broken, 1000, 5, n_threads)


def test_add_into_takes_over_and_adds() -> None:
    total: list[np.ndarray] = []
    add_into(total, [np.array([1.0, 2.0])])
    add_into(total, [np.array([10.0, 20.0])])
    assert total[0].tolist() == [11.0, 22.0]


@pytest.mark.parametrize("culprit", ["caller", "other"])
@pytest.mark.parametrize("error", [FloatingPointError, KeyboardInterrupt])
def test_an_error_ends_the_work_of_all_threads(culprit: str, error: type) -> None:
    caller, begun = threading.current_thread(), []

    def broken(start: int, stop: int) -> list[np.ndarray]:
        begun.append(start)
        time.sleep(1e-3)
        if (threading.current_thread() is caller) == (culprit == "caller"):
            raise error
        return [np.zeros(1)]

    with pytest.raises(error):
        sum_over_blocks(broken, 2000, 1, n_threads=2)
    n_begun = len(begun)
    time.sleep(0.01)
    assert len(begun) == n_begun < 1000


def test_sums_within_sums_end_although_all_threads_are_busy() -> None:
    def inner(start: int, stop: int) -> list[np.ndarray]:
        if start == 77:
            raise FloatingPointError
        return partial(start, stop)

    def outer(start: int, stop: int) -> list[np.ndarray]:
        return sum_over_blocks(inner if start == 5 else partial, 100, 1, n_threads=2)

    with pytest.raises(FloatingPointError):
        sum_over_blocks(outer, 20, 1, n_threads=2)
    total = sum_over_blocks(outer, 5, 1, n_threads=2)
    expected = sum_over_blocks(outer, 5, 1)
    assert all(np.array_equal(a, b) for a, b in zip(total, expected, strict=True))


def test_floating_point_errors_are_treated_as_by_the_caller() -> None:
    def overflows(start: int, stop: int) -> list[np.ndarray]:
        time.sleep(1e-3)
        return [np.full(1, 1e200) * 1e200]

    with warnings.catch_warnings(), np.errstate(over="ignore"):
        warnings.simplefilter("error")
        assert sum_over_blocks(overflows, 20, 1, n_threads=3)[0] == np.inf
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        sum_over_blocks(overflows, 20, 1, n_threads=3)


def of_blas() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_blas_has_one_thread_inside() -> None:
    with single_threaded_blas():
        assert of_blas() == {1}


@pytest.mark.parametrize("first_out", [0, 1])
def test_blas_has_one_thread_until_the_last_one_left(first_out: int) -> None:
    inside, leave = [threading.Event() for _ in range(2)], [threading.Event() for _ in range(2)]

    def work(i: int) -> None:
        with single_threaded_blas():
            inside[i].set()
            assert leave[i].wait(10.0)

    with threadpool_limits(2, user_api="blas"), ThreadPoolExecutor(2) as pool:
        before = of_blas()
        workers = []
        for i in range(2):
            workers.append(pool.submit(work, i))
            assert inside[i].wait(10.0)
        leave[first_out].set()
        workers[first_out].result()
        assert of_blas() == {1}
        leave[1 - first_out].set()
        workers[1 - first_out].result()
        assert of_blas() == before


def exit_code(child: Callable[[], bool]) -> int:
    """0 if ``child`` is true in a fork of this process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)[1]
    try:
        os._exit(0 if child() else 1)
    finally:
        os._exit(2)


def test_blas_has_one_thread_whatever_another_thread_asked_for() -> None:
    def work() -> None:
        with single_threaded_blas():
            assert of_blas() == {1}
        assert of_blas() == before

    with threadpool_limits(2, user_api="blas"), ThreadPoolExecutor(1) as pool:
        before = of_blas()
        pool.submit(work).result()
    with single_threaded_blas(), single_threaded_blas():
        assert of_blas() == {1}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_computes_on_threads_of_its_own() -> None:
    expected = sum_over_blocks(partial, len(NUMBERS), 64, 3)

    def child() -> bool:
        found = sum_over_blocks(partial, len(NUMBERS), 64, 3)
        return all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))

    assert exit_code(child) == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_is_not_held_to_one_thread_by_those_it_left_behind() -> None:
    with threadpool_limits(2, user_api="blas"):
        before = of_blas()
        with single_threaded_blas():
            assert exit_code(lambda: of_blas() == before) == 0
        assert of_blas() == before
