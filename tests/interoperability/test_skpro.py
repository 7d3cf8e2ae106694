"""The adapter to skpro, where that is installed; it asks for other versions than mixexp pins."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mixexp import GaussianMoE
from tests.estimators.problems import two_lines

pytest.importorskip("skpro")
pytestmark = pytest.mark.filterwarnings("ignore")

X, Y = two_lines(100)
FRAME = pd.DataFrame(X, columns=["dose", "age"])
RESPONSE = pd.DataFrame({"gain": Y})


def test_the_law_is_that_of_the_estimator():
    from mixexp.compat.skpro import SkproMoE

    moe = GaussianMoE(n_init=1, random_state=0)
    adapted = SkproMoE(moe).fit(FRAME, RESPONSE)
    moe.fit(FRAME, Y)
    law, own = adapted.predict_proba(FRAME), moe.predict_dist(FRAME)
    np.testing.assert_allclose(law.mean()["gain"], own.mean(), rtol=1e-12)
    np.testing.assert_allclose(np.sqrt(law.var()["gain"]), own.standard_deviation(), rtol=1e-9)
    np.testing.assert_allclose(law.log_pdf(RESPONSE)["gain"], own.logpdf(Y), rtol=1e-9)
    np.testing.assert_allclose(law.cdf(RESPONSE)["gain"], own.cdf(Y), rtol=1e-9)
    np.testing.assert_allclose(adapted.predict(FRAME)["gain"], moe.predict(FRAME), rtol=1e-12)
    quantiles = adapted.predict_quantiles(FRAME, alpha=[0.05, 0.95]).to_numpy()
    np.testing.assert_allclose(quantiles, moe.predict_interval(FRAME, 0.9), atol=1e-3)


def test_checks_of_skpro():
    from skpro.utils.estimator_checks import check_estimator

    from mixexp.compat.skpro import SkproMoE

    found = check_estimator(SkproMoE, raise_exceptions=False, verbose=False)
    failed = {name: result for name, result in found.items() if str(result) != "PASSED"}
    assert not failed
