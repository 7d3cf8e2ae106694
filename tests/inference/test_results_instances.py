"""Every gate with every expert has standard errors, or reasons why not."""

from __future__ import annotations

import numpy as np
import pytest

from mixexp.inference.overspecification import overspecification
from mixexp.models import Gaussian, TopK
from tests.inference.cases import results_of
from tests.instances import PAIRS, near_boundary, regular_problem


@PAIRS
def test_standard_errors_are_finite_or_withheld_with_a_reason(gate, expert) -> None:
    try:
        case, found = regular_problem(gate, expert)
    except AssertionError:
        pytest.skip("no regular problem of this pair")
    results = results_of(case, found, withhold="singular")
    told = results.withheld != ""
    assert (results.bse.isna() == told).all()
    assert (results.bse[~told] > 0.0).all()
    for kind in ("opg", "sandwich"):
        matrix = results.cov_params(kind).to_numpy()
        kept = ~np.isnan(np.diag(matrix))
        inside = matrix[np.ix_(kept, kept)]
        assert np.isnan(matrix[~kept]).all() and np.isfinite(inside).all()
        assert np.linalg.eigvalsh(inside)[:1] >= -1e-9 * np.abs(inside).max()
    if kept.all() and not near_boundary(case.model, found.theta, case.x).any():
        hessian = case.objective.evaluate(found.theta, 2).hessian
        np.testing.assert_allclose(
            results.cov_params(), np.linalg.inv(-hessian), rtol=1e-5, atol=1e-9
        )
    # One expert less can be fitted, whatever the gate.
    assert np.isfinite(overspecification(results.fitted).difference)
    lengths = [len(line) for line in str(results.summary()).splitlines()]
    assert max(lengths) <= 98


@pytest.mark.parametrize("gate", [TopK(2), TopK(2, select="logit")], ids=repr)
def test_a_gate_that_jumps_has_no_standard_errors_but_its_experts_have(gate) -> None:
    case, found = regular_problem(gate, Gaussian(), n_experts=3, n_rows=200)
    results = results_of(case, found, withhold="singular")
    of_gate = results.params.index.str.startswith("gate")
    assert results.withheld[of_gate].str.contains("jumps").all()
    assert results.bse[~of_gate].notna().all()
    assert any("boundaries" in caveat for caveat in results.caveats)
    # With the boundaries where they are, what is left is an ordinary likelihood.
    fitted = results.fitted
    hessian = fitted.objective.evaluate(fitted.theta, 2).hessian
    root = results.covariance().root
    np.testing.assert_allclose(root.T @ -hessian @ root, np.eye(root.shape[1]), atol=1e-6)
    # In one column without a bias scores change places at zero alone: nothing is held.
    assert (root.shape[1] < fitted.n_free) == (gate.select == "logit")
