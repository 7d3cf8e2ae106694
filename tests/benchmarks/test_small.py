"""The benchmark of small fits measures what it says."""

from __future__ import annotations

from benchmarks import small
from benchmarks.run import BENCHMARKS
from mixexp import GaussianMoE, fit_many


def test_measures_every_size(monkeypatch):
    monkeypatch.setattr(small, "SIZES", ((60, 1),))
    found = list(small.measure(n_sets=3, rounds=1))
    assert [m.unit for m in found] == ["ms", "x", "ms", "x"]
    assert all(m.value > 0.0 for m in found)
    assert [m.target for m in found] == [None, small.ONE, None, small.OF_MANY]
    assert BENCHMARKS["small"] is small


def test_all_of_its_fits_are_certified():
    for n_rows, n_columns in small.SIZES[:2]:
        x, y = small.data_sets(30, n_rows, n_columns)
        fits = fit_many(GaussianMoE(n_experts=2), x, y, init=small.truth(n_columns))
        assert fits.converged.all()
