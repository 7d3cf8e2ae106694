"""Probing null directions stays affordable where there are hundreds of them."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp.estimation import certificate
from mixexp.estimation.box import Bounds
from mixexp.estimation.certificate import certify
from mixexp.estimation.data import Data
from mixexp.estimation.objective import Objective
from mixexp.estimation.solvers import EM, Solution, solve
from mixexp.models import Gaussian, MixtureOfExperts, Softmax


def test_climbs_are_few_however_many_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    model = MixtureOfExperts(Softmax(), Gaussian(), n_experts=1, n_columns=60)
    data = Data.from_rows(rng.normal(size=(8, 60)), rng.normal(size=8))
    objective, box = Objective(model, data), Bounds().box(model.layout)
    theta = solve("auto", objective, np.zeros(model.layout.n_free), box).theta
    climbs: list[int] = []

    class Counting(EM):
        def solve(self, *args: object, **options: object) -> Solution:
            climbs.append(1)
            return super().solve(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(certificate, "EM", Counting)
    found, _ = certify(objective, theta, box, [str(i) for i in range(model.layout.n_free)])
    assert found.n_null > 40
    assert 0 < len(climbs) <= certificate._MAX_CLIMBS
