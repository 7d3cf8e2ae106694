"""Rows on workers: their sums are those of the same partitions here, bit for bit, whoever dies."""

from __future__ import annotations

import numpy as np
import pytest
from many_rows import both, gaussian, multinomial, read, several_responses, top_1, weighted

from mixexp.estimation.cluster import Distributed
from mixexp.estimation.fit import Options, fit
from mixexp.estimation.objective import Objective
from mixexp.estimation.streams import Streamed

CASES = [gaussian, weighted, several_responses, multinomial, top_1]


def assert_equal(one, other):
    """Nested tuples and lists of arrays are the same bits."""
    if isinstance(one, tuple | list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_equal(a, b)
    else:
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_surveys_and_sums_of_workers_are_those_of_this_process(client, case):
    model, *data = case()
    there, here = (read(source, model) for source in both(client, *data))
    assert_equal(there[0], here[0])
    assert isinstance(there[1], Distributed) and isinstance(here[1], Streamed)
    one, other = (Objective(model, found[1]) for found in (there, here))
    theta = np.random.default_rng(1).normal(size=one.layout.n_free)
    for order in (0, 1, 2):
        assert_equal(
            one.evaluate(theta, order)[: order + 1], other.evaluate(theta, order)[: order + 1]
        )
    assert_equal(one.em_statistics(theta), other.em_statistics(theta))
    assert_equal(one.shares(theta), other.shares(theta))
    assert_equal(one.gram(one.layout.bases[0]), other.gram(one.layout.bases[0]))
    parts = zip(there[1].parts(), here[1].parts(), strict=True)
    assert all((a.z == b.z).all() and (a.y == b.y).all() for a, b in parts)
    assert one.data.log_scale == other.data.log_scale and one.data.n_rows == other.data.n_rows


def test_a_fit_on_workers_is_the_fit_here_to_the_bit(client):
    model, *data = weighted()
    options = Options(n_init=1, seed=3, sample_rows=1024)
    there, here = (fit(model, source, options=options) for source in both(client, *data))
    assert isinstance(there.objective.data, Distributed)
    assert len(there.optima) == len(here.optima)
    for a, b in zip(there.optima, here.optima, strict=True):
        assert_equal([a.theta, a.shares, a.value], [b.theta, b.shares, b.value])
        assert a.certificate == b.certificate and a.certified
    assert there.runs == here.runs
