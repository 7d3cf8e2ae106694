"""Fits that are not certified, and contrasts that rise: made again, then flagged."""

from __future__ import annotations

import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning

from mixexp.selection.selector import ModelSelector
from tests.selection.selecting import Stub, fits, two_lines


def select(log, restarts=2, experts=(1,), **stub):
    stub = Stub(log=str(log), random_state=7, **stub)
    grid = {"n_experts": list(experts)}
    return ModelSelector(stub, grid, "aic", restarts=restarts).fit(*two_lines())


def test_a_certified_fit_is_made_once(tmp_path):
    selector = select(tmp_path / "log")
    # The first attempt uses the estimator's own seed.
    assert fits(tmp_path / "log") == [("1", "1", "7")]
    assert selector.table_["n_restarts"][0] == 0 and selector.findings_ == ()


def test_an_uncertified_fit_is_made_again_with_twice_the_starts_and_another_seed(tmp_path):
    ends = {1: (5.0, False), 2: (3.0, False), 4: (0.0, True)}
    selector = select(tmp_path / "log", ends=ends)
    made = fits(tmp_path / "log")
    assert [n_init for _, n_init, _ in made] == ["1", "2", "4"]
    assert len({seed for _, _, seed in made}) == 3
    # Certified before high.
    assert selector.table_["certified"][0] and selector.table_["loglik"][0] == -100.0
    assert selector.table_["n_restarts"][0] == 2 and selector.table_["flags"][0] == ""


def test_without_a_certified_fit_the_highest_takes_part_with_a_flag(tmp_path):
    ends = {1: (-1.0, False), 2: (3.0, False), 4: (0.0, False)}
    with pytest.warns(ConvergenceWarning, match="not a certified optimum after 2 restarts"):
        selector = select(tmp_path / "log", ends=ends)
    assert selector.table_["loglik"][0] == -97.0 and not selector.table_["certified"][0]
    assert selector.table_["flags"][0] == "not certified"
    assert selector.best_estimator_.found_ == 2 and selector.best_estimator_.n_init == 1
    assert any("is not a certified optimum" in finding for finding in selector.findings_)


def test_restarts_may_be_turned_off(tmp_path):
    with pytest.warns(ConvergenceWarning):
        select(tmp_path / "log", restarts=0, ends={1: (0.0, False)})
    assert len(fits(tmp_path / "log")) == 1


def test_a_fit_below_the_smaller_one_is_made_again_and_then_flagged(tmp_path):
    selector = select(tmp_path / "log", experts=(1, 2, 3), logliks=[-50.0, -60.0, -40.0])
    assert [made[0] for made in fits(tmp_path / "log")] == ["1", "2", "2", "2", "3"]
    assert selector.table_["flags"].tolist() == ["", "contrast rises", ""]
    assert any("lower log-likelihood than a model" in finding for finding in selector.findings_)


def test_a_fit_is_held_against_all_smaller_ones(tmp_path):
    selector = select(tmp_path / "log", experts=(1, 2, 3), logliks=[-50.0, -60.0, -55.0])
    assert selector.table_["flags"].tolist() == ["", "contrast rises", "contrast rises"]


def test_a_fit_that_recovers_is_not_flagged(tmp_path):
    ends = {1: (-1.0, True), 2: (20.0, True)}
    selector = select(tmp_path / "log", experts=(1, 2), logliks=[-50.0, -60.0], ends=ends)
    assert selector.table_["loglik"].tolist() == [-51.0, -40.0]
    assert selector.table_["flags"].tolist() == ["", ""]


class Spike(Stub):
    """Fits from fewer than four starts end with a scale on its floor, and a high likelihood."""

    def fit(self, X, y, sample_weight=None):
        super().fit(X, y, sample_weight)
        spike = self.n_experts > 1 and self.n_init < 4
        self.loglik_ += 1000.0 if spike else 0.0
        flags = "scale on floor, on bound" if spike else ""
        self.optima_ = pd.DataFrame({"flags": [flags]})
        return self


def test_a_fit_with_a_scale_on_its_floor_is_made_again():
    selector = ModelSelector(Spike(), {"n_experts": [1, 2, 3]}, "aic").fit(*two_lines())
    assert selector.table_["n_restarts"].tolist() == [0, 2, 2]
    assert selector.table_["loglik"].tolist() == [-100.0, -50.0, -100.0 / 3.0]
    assert selector.table_["flags"].tolist() == ["", "", ""]


def test_a_fit_that_stays_on_its_floor_is_left_out_and_told():
    selector = ModelSelector(Spike(), {"n_experts": [1, 2]}, "aic", restarts=1).fit(*two_lines())
    assert selector.table_["flags"].tolist() == ["", "scale on floor, on bound"]
    assert selector.table_["loglik"][1] == 950.0 and selector.best_index_ == 0
    assert any("1 of 2 fits have a scale on its floor" in text for text in selector.findings_)
    alone = ModelSelector(Spike(), {"n_experts": [2]}, "aic", restarts=0).fit(*two_lines())
    assert alone.best_index_ == 0


class SecondIsASpike(Spike):
    def fit(self, X, y, sample_weight=None):
        self.n_init = 4 if self.n_experts != 2 else 1
        return super().fit(X, y, sample_weight)


def test_a_fit_on_its_floor_is_no_bound_for_larger_ones():
    selector = ModelSelector(SecondIsASpike(), {"n_experts": [1, 2, 3]}, "aic").fit(*two_lines())
    assert selector.table_["n_restarts"].tolist() == [0, 2, 0]
    assert selector.table_["flags"].tolist() == ["", "scale on floor, on bound", ""]
    assert selector.best_index_ == 2
