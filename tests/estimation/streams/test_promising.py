"""Which optima on a sample are climbed on all rows, and which of those are certified."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mixexp.estimation.candidates import Pool
from mixexp.estimation.data import Data
from mixexp.estimation.drawing import Drawing, promising
from mixexp.estimation.fit import Options
from mixexp.estimation.objective import Objective
from mixexp.estimation.solvers import Reason, Solution
from mixexp.estimation.solvers.multistart import Search
from mixexp.estimation.solvers.optimum import Optimum
from mixexp.estimation.start import Start
from mixexp.models import Gaussian, MixtureOfExperts, Softmax

N = 1000


@pytest.fixture
def search() -> Search:
    """One line with noise of standard deviation one, as a mixture of one expert."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, 1))
    y = x[:, 0] + rng.normal(size=N)
    model = MixtureOfExperts(Softmax(), Gaussian(), 1, 1)
    objective = Objective(model, Data.from_rows(x, y[:, None].T, standardize=False))
    options = Options()
    pool = Pool(objective, options.bounds)
    return Drawing(pool, options).search(objective)


def with_optima(search: Search, *thetas: np.ndarray, thin: tuple[int, ...] = ()) -> Search:
    """A search that has found optima there, of which those in ``thin`` are."""
    search.optima = [
        Optimum(
            Solution(theta, search.objective.evaluate(theta).value, Reason.STATIONARY, [0.0]),
            "given", np.ones(1), (0,) if i in thin else (), (),
        )
        for i, theta in enumerate(thetas)
    ]  # fmt: skip
    return search


def shifted(search: Search, nats: float) -> np.ndarray:
    """The optimum with its line moved up, so that it loses about so many nats."""
    best = search.climber(Start(np.zeros(3), "given")).theta
    return best + [np.sqrt(2.0 * nats / N), 0.0, 0.0]


@pytest.mark.parametrize(("nats", "kept"), [(50.0, [0, 1]), (100.0, [0])])
def test_what_noise_can_explain_is_kept(search: Search, nats: float, kept: list[int]) -> None:
    """A line moved by δ loses D = nδ²/2 nats with a deviation of √n δ, a sixth of D at D = 72."""
    with_optima(search, shifted(search, 0.0), shifted(search, nats))
    assert search.optima[0].value - search.optima[1].value == pytest.approx(nats, rel=0.1)
    assert promising(search) == kept


def test_weights_count_as_copies_of_rows(search: Search) -> None:
    data = search.objective.in_memory
    heavy = replace(data, weight=np.full(N, 100.0))
    weighted = Search(Objective(search.objective.model, heavy), search.box)
    with_optima(weighted, shifted(search, 0.0), shifted(search, 50.0))
    # A hundred times the difference, and a hundred times its deviation.
    assert promising(weighted) == [0, 1]


def test_what_is_not_admissible_is_kept_only_where_nothing_is(search: Search) -> None:
    low, high = shifted(search, 5.0), shifted(search, 0.0)
    assert promising(with_optima(search, low, high, thin=(1,))) == [0]
    assert promising(with_optima(search, low, high, thin=(0, 1))) == [1, 0]


def test_what_is_not_finite_is_not_promising(search: Search) -> None:
    with_optima(search, shifted(search, 0.0), shifted(search, 1.0))
    lost = search.optima[1]
    search.optima[1] = replace(lost, solution=replace(lost.solution, value=-np.inf))
    assert promising(search) == [0]


def test_optima_below_the_first_that_is_certified_have_no_certificate(search: Search) -> None:
    names = search.objective.layout.names(["x0"])
    best, low = shifted(search, 0.0), shifted(search, 50.0)
    for optimum in with_optima(search, low, best).certified(names, None):
        assert optimum.certificate is not None
    first, second = with_optima(search, low, best).certified(names, None, until_one_holds=True)
    assert first.certified and first.value > second.value
    assert second.certificate is None and second.flags == ("not certified",)
