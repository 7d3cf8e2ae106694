"""Sums over blocks of rows: the order of the additions depends on the number of rows alone."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info

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


def test_blas_has_one_thread_inside() -> None:
    with single_threaded_blas():
        threads = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    assert threads and set(threads) == {1}
