"""The criterion of the dendrogram in a selection: values, and reasons where there are none."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from mixexp import GaussianMoE
from mixexp.models.gates import Activation
from mixexp.selection.candidates import UnreliableSelectionWarning
from mixexp.selection.dendrogram import dendrogram_of
from mixexp.selection.selector_dendrogram import dendrogram_criterion, judge
from mixexp.selection.selector_rows import Rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.uniform(-1.0, 1.0, (200, 1))
    return x, np.where(x[:, 0] > 0.0, 2.0 * x[:, 0], -x[:, 0]) + 0.2 * rng.normal(size=200)


def records(gate: object = None, sizes: tuple[int, ...] = (1, 2, 3)) -> list[SimpleNamespace]:
    x, y = data()
    fits = [GaussianMoE(k, gate, n_init=2, random_state=0).fit(x, y) for k in sizes]
    return [SimpleNamespace(estimator=fit, on_floor=False) for fit in fits]


def test_values_are_those_of_the_largest_fit() -> None:
    x, y = data()
    found = records()
    judged = judge(found, [[0, 1, 2]], Rows(x, y))
    tree = dendrogram_of(found[2].estimator, x, y)
    assert np.isnan(judged.values[0])
    assert judged.values[1:].tolist() == [tree.criterion[2], tree.criterion[3]]
    assert judged.reasons == ("", "", "")


def test_reasons_are_given_where_there_is_no_value() -> None:
    x, y = data()
    found = records(Activation(), (2, 3))
    judged = judge(found, [[0, 1]], Rows(x, y))
    assert np.isnan(judged.values).all()
    assert all("no dendrogram of GaussianMoE: the measure merged to" in r for r in judged.reasons)
    with pytest.warns(UnreliableSelectionWarning, match="no dendrogram of GaussianMoE") as caught:
        dendrogram_criterion(found, [[0, 1]], Rows(x, y))
    # One reason for the chain, not one for each of its candidates.
    assert len(caught) == 1
    known = Rows(x, y, None, {"exposure": np.ones(200)})
    assert "evaluated without exposure" in judge(found, [[0, 1]], known).reasons[0]


def test_mistakes_are_not_taken_for_reasons() -> None:
    x, y = data()
    (record,) = records(None, (2,))
    with pytest.raises(ValueError, match="features"):
        judge([record], [[0]], Rows(np.column_stack([x, x, x]), y))
