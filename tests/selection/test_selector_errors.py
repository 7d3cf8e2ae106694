"""ModelSelector on bad input: refused before any fit, or kept with a flag after it."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp.selection.selector import ModelSelector
from mixexp.selection.selector_contrast import likelihood_of
from tests.selection.selecting import Generative, Stub, fits, two_lines

TWELVE = {"n_experts": list(range(1, 13))}


@pytest.mark.parametrize(
    ("candidates", "settings", "error", "words"),
    [
        ({}, {}, ValueError, "no candidate"),
        ([], {}, ValueError, "no candidate"),
        ({"n_experts": []}, {}, ValueError, r"\['n_experts'\] is empty"),
        ({"n_expert": [1]}, {}, ValueError, "'n_expert', which Stub does not have"),
        ({"n_experts": [1, 1]}, {}, ValueError, "candidates 0 and 1 are the same"),
        ({"n_experts": [1]}, {"criterion": "bice"}, ValueError, "criterion='bice' is unknown"),
        ({"n_experts": [1]}, {"criterion": "jump"}, ValueError, "at least 11 candidates, got 1"),
        ({"n_experts": [1]}, {"criterion": "ddse"}, ValueError, "at least 10 candidates, got 1"),
        ({"n_experts": [1]}, {"likelihood": "full"}, ValueError, "likelihood='full' is not one"),
        ({"n_experts": [1]}, {"restarts": -1}, ValueError, "restarts=-1 is negative"),
        ({"n_experts": [1]}, {"n_jobs": 0}, ValueError, "n_jobs=0 runs nothing"),
        ({"n_experts": [1]}, {"criterion": "cv", "cv": 1}, ValueError, "cv=1 holds no rows out"),
        ("n_experts", {}, TypeError, "neither a dict of lists"),
        ([Stub(), {"n_experts": [1]}], {}, TypeError, "give all of one kind"),
        ([Stub], {}, TypeError, "neither a dict nor an estimator"),
    ],
)
def test_it_is_refused_before_any_fit(tmp_path, candidates, settings, error, words):
    log = tmp_path / "log"
    with pytest.raises(error, match=words):
        ModelSelector(Stub(log=str(log)), candidates, **settings).fit(*two_lines())
    assert fits(log) == []


def test_rows_that_do_not_fit_are_refused():
    X, y = two_lines()
    selector = ModelSelector(Stub(), {"n_experts": [1]})
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        selector.fit(X, y[:-1])
    with pytest.raises(ValueError, match="exposure has 3 entries, but X has 120 rows"):
        selector.fit(X, y, exposure=np.ones(3))
    with pytest.raises(ValueError, match="at least one non-zero"):
        selector.fit(X, y, sample_weight=np.zeros(len(y)))


def test_a_fit_that_fails_is_recorded():
    selector = ModelSelector(Stub(fails=(2,)), {"n_experts": [1, 2, 3]}).fit(*two_lines())
    row = selector.table_.loc[1]
    assert row["error"] == "ArithmeticError: no luck with 2" and row["flags"] == "failed"
    assert np.isnan(row["bic"]) and selector.estimators_[1] is None
    assert selector.table_["rank"].isna().tolist() == [False, True, False]
    assert any("1 of 3 fits could not be fitted" in finding for finding in selector.findings_)


def test_if_all_fits_fail_the_first_error_is_told():
    selector = ModelSelector(Stub(fails=(1, 2)), {"n_experts": [1, 2]})
    with pytest.raises(ValueError, match=r"all 2 fits failed.*no luck with 1"):
        selector.fit(*two_lines())
    assert selector.table_["error"].str.contains("no luck").all()


def test_a_likelihood_that_is_not_a_number_is_flagged_and_left_out():
    stub = Stub(logliks=[-100.0, float("nan"), -90.0])
    selector = ModelSelector(stub, {"n_experts": [1, 2, 3]}, restarts=1).fit(*two_lines())
    assert "log-likelihood is not finite" in selector.table_["flags"][1]
    assert not selector.table_["certified"][1] and selector.table_["n_restarts"][1] == 1
    assert selector.best_index_ in (0, 2)
    assert any("no finite log-likelihood" in finding for finding in selector.findings_)


def test_fits_are_kept_when_too_few_are_left_for_the_jump():
    selector = ModelSelector(Stub(fails=(3, 4)), TWELVE, "jump")
    with pytest.raises(ValueError, match="11"):
        selector.fit(*two_lines())
    assert selector.table_["loglik"].notna().sum() == 10


def test_a_criterion_that_raises_leaves_the_others():
    def picky(estimator, X, y):
        if estimator.n_experts == 1:
            raise RuntimeError("not this one")
        return float(estimator.n_experts)

    selector = ModelSelector(Stub(), {"n_experts": [1, 2]}, picky).fit(*two_lines())
    assert selector.best_params_ == {"n_experts": 2}
    assert "not this one" in selector.table_["findings"][0]


def test_a_missing_joint_likelihood_is_named():
    with pytest.raises(ValueError, match="likelihood='joint' needs joint_loglik_"):
        ModelSelector(Stub(), {"n_experts": [1]}, likelihood="joint").fit(*two_lines())


def test_generative_fits_are_compared_by_the_joint_likelihood_unless_told_otherwise():
    grid = {"n_experts": [1, 2]}
    joint = ModelSelector(Generative(), grid, "aic", restarts=0).fit(*two_lines())
    assert joint.table_["loglik"].tolist() == [-10.0, -20.0]
    assert joint.table_["n_parameters"].tolist() == [7, 14]
    assert set(joint.table_["likelihood"]) == {"joint"} and "log p(x, y)" in joint.summary()
    conditional = ModelSelector(Generative(), grid, "aic", likelihood="conditional")
    conditional.fit(*two_lines())
    assert conditional.table_["loglik"].tolist() == [-100.0, -50.0]
    assert conditional.table_["n_parameters"].tolist() == [3, 8]
    assert (joint.best_index_, conditional.best_index_) == (0, 1)


def test_generative_fits_that_maximise_the_conditional_likelihood_are_compared_by_it():
    stub = Generative()
    stub.likelihood = "conditional"
    assert likelihood_of(stub.fit(*two_lines()), "auto") == "conditional"
    assert likelihood_of(Generative().fit(*two_lines()), "auto") == "joint"


def test_a_mixed_table_is_compared_by_what_all_have():
    selector = ModelSelector(None, [Generative(), Stub(n_experts=2)]).fit(*two_lines())
    assert selector.table_["loglik"].tolist() == [-100.0, -50.0]
    assert set(selector.table_["likelihood"]) == {"conditional"}
