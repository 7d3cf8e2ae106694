"""A regular fit that several tests look at: two lines of the faithful data."""

from __future__ import annotations

import pytest

from mixexp import GaussianMoE
from mixexp.datasets import load_faithful


@pytest.fixture(scope="module")
def data():
    frame = load_faithful()
    return frame[["eruptions"]], frame["waiting"]


@pytest.fixture(scope="module")
def moe(data):
    return GaussianMoE(n_experts=2, n_init=3, random_state=0).fit(*data)


@pytest.fixture(scope="module")
def results(moe, data):
    return moe.results(*data)
