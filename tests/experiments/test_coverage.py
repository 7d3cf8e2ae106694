"""The coverage study: what it records, how it counts, and (slow) what it finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.coverage.__main__ import run_all
from experiments.coverage.laws import LAWS
from experiments.coverage.report import blocks, coverage, render
from experiments.coverage.study import COVARIANCES, coverage_study, replicate


def test_a_replicate_has_a_row_for_every_parameter_and_function() -> None:
    (task,) = coverage_study("gaussian", (300,), 1).tasks()
    rows = pd.DataFrame(replicate(task))
    assert list(rows["block"].unique()) == ["gate", "mean", "log-variance", "π_k(x)", "E(y | x)"]
    assert list(rows["block"].value_counts(sort=False)) == [2, 4, 2, 6, 3]
    np.testing.assert_allclose(
        rows["truth"][:8], [0.5, 2, 1, 2, -1, -1.5, np.log(0.25), np.log(0.49)]
    )
    # Three hundred rows are enough to be within five standard errors.
    assert (abs(rows["estimate"] - rows["truth"]) < 1.3 * rows["width_observed"]).all()


def test_labels_of_the_fit_do_not_matter() -> None:
    law = LAWS["gaussian"]
    x, y = law.draw(300, np.random.default_rng(0))
    ordered = law.estimator(init=law.target(), n_init=1).fit(x, y)
    other = law.estimator(init=law.target().take([1, 0]), n_init=1).fit(x, y)
    assert law.target().align(ordered.measure_).allclose(law.target())
    assert law.target().align(other.measure_).allclose(law.target().take([1, 0]))


def test_shares_are_of_replicates() -> None:
    frame = pd.DataFrame(
        {"replicate": [0, 0, 1, 1, 2], "covered_observed": [True, False, True, True, None]}
    )
    cell = coverage(frame, "observed")
    assert cell.covered == 0.75
    assert cell.standard_error == pytest.approx(0.25)
    assert str(coverage(frame.iloc[4:], "observed")) == "none given"


def test_the_report_shows_every_law_and_kind(tmp_path: Path) -> None:
    names = ("gaussian", "multinomial")
    frames = run_all(tmp_path, names, sizes=(200,), replicates=2, jobs=1)
    text = render(frames)
    assert all(LAWS[name].title in text for name in names)
    assert all(kind in text for kind in COVARIANCES)
    assert text.count("| 200 ") == sum(len(list(blocks(frame))) for frame in frames.values())


@pytest.mark.slow
def test_intervals_cover_at_five_thousand_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = run_all(tmp_path)
    with capsys.disabled():
        print(render(frames))
    for name, frame in frames.items():
        assert frame["error"].isna().all()
        kinds = ("sandwich",) if name == "skewed" else COVARIANCES
        for block, n, rows in blocks(frame):
            for kind in kinds if n == 5000 else ():
                cell = coverage(rows, kind)
                assert 0.92 <= cell.covered <= 0.97, (name, block, kind, str(cell))
    # What normal noise would have promised is wrong for variances under skewed noise.
    _, _, variances = next(b for b in blocks(frames["skewed"]) if b[:2] == ("log-variance", 5000))
    assert coverage(variances, "observed").covered < 0.85
