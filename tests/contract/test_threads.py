"""Sums over blocks: the same bits on any number of threads."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mixexp.estimation.objective import Objective
from mixexp.models import Expert, Gate
from tests.instances import PAIRS, objective, problem

N_ROWS = 3 * 16 * 64 + 100  # four tasks of sixteen blocks of 64 rows, the last one incomplete

QUANTITIES: dict[str, Callable[[Objective, np.ndarray], list]] = {
    "value": lambda o, theta: [o.evaluate(theta).value],
    "score": lambda o, theta: list(o.evaluate(theta, 1)[:2]),
    "hessian": lambda o, theta: list(o.evaluate(theta, 2)),
    "em statistics": lambda o, theta: [*(s := o.em_statistics(theta))[:3], *s.expert],
    "shares": lambda o, theta: [o.shares(theta)],
    "gram": lambda o, theta: [o.gram(basis) for basis in o.layout.bases],
}


@PAIRS
@pytest.mark.parametrize("block_rows", [64, 50])
def test_bits_do_not_depend_on_the_number_of_threads(
    gate: Gate, expert: Expert, block_rows: int
) -> None:
    case = problem(gate, expert, n_experts=3, n_columns=2, n_rows=N_ROWS)
    targets = [
        objective(case.model, case.x, case.y, case.weight, n_threads=t, block_rows=block_rows)
        for t in (1, 2, 3)
    ]
    for take in QUANTITIES.values():
        one, *more = (take(target, case.theta) for target in targets)
        for other in more:
            for a, b in zip(one, other, strict=True):
                assert np.array_equal(a, b)


@PAIRS
def test_blocks_change_rounding_only(gate: Gate, expert: Expert) -> None:
    case = problem(gate, expert, n_experts=3, n_columns=2, n_rows=333)
    sizes = (1000, 333, 64, 7)
    targets = [objective(case.model, case.x, case.y, case.weight, block_rows=b) for b in sizes]
    for take in QUANTITIES.values():
        whole, *parts = (take(target, case.theta) for target in targets)
        for part in parts:
            for a, b in zip(whole, part, strict=True):
                assert np.allclose(a, b, rtol=1e-11, atol=1e-10)
    rows = [target.scores(case.theta) for target in targets]
    assert all(np.allclose(rows[0], other, rtol=1e-11, atol=1e-12) for other in rows[1:])
