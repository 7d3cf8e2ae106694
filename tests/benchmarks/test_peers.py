"""The comparison with other packages: translations, processes that fail, tables; no timing."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

from benchmarks.peers import cases, compare, environments, forms, job, table
from benchmarks.peers.compare import Row
from benchmarks.peers.environments import Found
from benchmarks.peers.forms import Mapping, Mixture, Regressions
from benchmarks.peers.job import Answer
from benchmarks.peers.packages import PACKAGES, Package
from benchmarks.peers.problem import Climb, Problem

SMALL = {
    "softmax": cases.regressions(cases.SOFTMAX, 300, 1, 2),
    "constant": cases.regressions(cases.CONSTANT, 300, 2, 2),
    "classes": cases.regressions(cases.CLASSES, 300, 2, 2),
    "diagonal": cases.mappings(cases.DIAGONAL, 300, 1, 3, 2),
    "full": cases.mappings(cases.FULL, 300, 1, 3, 2),
}
HERE = Found((sys.executable,), "1.0")
NOISE = ("variance", "covariance")
PAIRS = [
    pytest.param(package, problem, id=f"{package.name}-{name}")
    for package in PACKAGES
    for name, problem in SMALL.items()
    if package.fits(problem)
]


def at_optimum(problem: Problem[Any]) -> Problem[Any]:
    """The problem with the maximum that mixexp finds from the start as its start."""
    if isinstance(problem.start, Regressions):
        from mixexp import GaussianMoE

        fitted = GaussianMoE(
            problem.n_experts,
            gate_features=list(problem.gate_columns),
            expert_features=list(problem.expert_columns),
            init=problem.params(problem.start),
            n_init=1,
        ).fit(problem.x, problem.y)
        gate, expert = fitted.params_
        optimum = Regressions(
            np.column_stack([gate.intercept, gate.coef]),
            np.column_stack([expert.intercept, expert.coef]),
            expert.variance,
        )
    else:
        from mixexp import GLoME

        found = (
            GLoME(
                problem.n_experts,
                direction="direct",
                covariance=problem.model.covariance,
                init=problem.params(problem.start),
                n_init=1,
            )
            .fit(problem.x, problem.y)
            .params_
        )
        optimum = Mapping(
            found.weight, found.gate_mean, found.gate_covariance.dense(), found.table,
            found.covariance.dense(),
        )  # fmt: skip
    return replace(problem, start=optimum)


def a_row(**changes: Any) -> Row:
    row = Row(
        "softmax gate", "n=1e3 d=1 K=2", "flexmix", "fitted", "", "2.3", compare.SHARED,
        0.25, 37, -10.0, -10.5, "a rule", 0.01, 0.02, -10.0, True,
    )  # fmt: skip
    return replace(row, **changes)


def fake(folder: Path, text: str, **changes: Any) -> Package:
    """A package whose driver is this program."""
    path = folder / "driver_of_a_fake.py"
    path.write_text("import pathlib, sys, time\nfolder = pathlib.Path(sys.argv[1])\n" + text)
    fake = Package("fake", "Python", str(path), lambda problem: True)
    return replace(fake, **changes)


@pytest.mark.parametrize("n", [300, 10_000])
@pytest.mark.parametrize("group", [cases.SOFTMAX, cases.CONSTANT, cases.CLASSES])
def test_regressions_have_the_likelihood_written_out(group: str, n: int) -> None:
    problem = cases.regressions(group, n, 2, 2)
    start = problem.start._replace(
        gate=np.random.default_rng(0).normal(size=problem.start.gate.shape)
    )
    of_gate, of_experts = (
        np.column_stack([np.ones(n), problem.x[:, list(columns)]])
        for columns in (problem.gate_columns, problem.expert_columns)
    )
    logits = of_gate @ start.gate.T
    logs = logits - logsumexp(logits, axis=1, keepdims=True)
    logs += norm.logpdf(problem.y[:, None], of_experts @ start.mean.T, np.sqrt(start.variance))
    assert problem.loglik(start) == pytest.approx(logsumexp(logs, axis=1).sum(), rel=1e-12)
    expected = np.exp(logs - logsumexp(logs, axis=1, keepdims=True))
    np.testing.assert_allclose(problem.posterior(start), expected, rtol=1e-9, atol=1e-14)


def test_a_mapping_is_the_mixture_of_its_points() -> None:
    problem = SMALL["full"]
    noise = np.eye(3) + 0.3 * np.ones((3, 3))
    start = problem.start._replace(covariance=np.stack([noise, 2.0 * noise]))
    mixture = forms.mixture(start)
    points = np.column_stack([problem.x, problem.y])
    logs = [
        np.log(w) + multivariate_normal.logpdf(points, m, c)
        for w, m, c in zip(*mixture, strict=True)
    ]
    loglik = logsumexp(logs, axis=0).sum()
    assert problem.loglik(start) == pytest.approx(loglik, rel=1e-12)
    assert problem.loglik(forms.mapping(mixture, 1)) == pytest.approx(loglik, rel=1e-10)
    expected = np.exp(np.array(logs) - logsumexp(logs, axis=0)).T
    np.testing.assert_allclose(problem.posterior(start), expected, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("name", ["softmax", "diagonal"])
def test_json_keeps_every_bit(name: str) -> None:
    start = SMALL[name].start
    back = forms.from_json(type(start), json.loads(json.dumps(forms.to_json(start))))
    assert all(np.array_equal(a, b) for a, b in zip(start, back, strict=True))


def test_parameters_that_are_missing_or_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match=r"lack variance; they have gate, mean"):
        forms.from_json(Regressions, {"gate": [], "mean": []})
    with pytest.raises(ValueError, match="mean of the parameters is not finite"):
        forms.from_json(Regressions, {"gate": [1.0], "mean": [np.nan], "variance": [1.0]})


@pytest.mark.parametrize(("package", "problem"), PAIRS)
def test_a_package_comes_back_to_the_maximum_and_reports_what_it_returns(
    package: Package, problem: Problem[Any]
) -> None:
    if not package.found().command:
        pytest.skip(f"{package.name}: {package.found().reason}")
    optimum = at_optimum(problem).start
    beside = {name: 1.05 * getattr(optimum, name) for name in NOISE if hasattr(optimum, name)}
    answer = job.run(package, replace(problem, start=optimum._replace(**beside)), 30.0, repeats=1)
    assert answer.status == "fitted", answer
    loglik = problem.loglik(answer.parameters)
    if answer.reported is not None:
        # EM reports the value before its last step.
        assert answer.reported == pytest.approx(loglik, abs=0.01)
    if package.takes_start:
        # flexmix divides sums of squares by n - p.
        assert problem.loglik(optimum) - loglik < 0.01
        # From elsewhere it takes longer, if it comes back at all; hmeEM takes small steps.
        most = 60 if package.name == "mixtools" else 9
        assert answer.iterations is None or answer.iterations <= most
    if answer.start is not None:
        assert problem.loglik(answer.start) < loglik


def test_a_driver_is_told_the_data_and_the_start(tmp_path: Path) -> None:
    package = next(package for package in PACKAGES if package.name == "scikit-learn")
    problem = SMALL["full"]
    job.write(tmp_path, package, problem, limit=1.0, repeats=2)
    told = json.loads((tmp_path / "job.json").read_text("utf-8"))
    assert (told["n"], told["d"], told["outputs"], told["repeats"]) == (300, 1, 3, 2)
    y = np.fromfile(tmp_path / "y.bin").reshape(300, 3, order="F")
    np.testing.assert_array_equal(y, problem.y)
    start = forms.from_json(Mixture, told["start"])
    np.testing.assert_array_equal(start.mean, forms.mixture(problem.start).mean)
    posterior = np.fromfile(tmp_path / "posterior.bin").reshape(300, 2, order="F")
    np.testing.assert_array_equal(posterior, problem.posterior(problem.start))


STARTED = "(folder / 'started').touch()\n"
ANSWER = (
    '(folder / \'answer.json\').write_text(\'{"version": "2", "seconds": 0.5, "iterations": 3,'
    ' "reported": -1.0, "stop": "", "parameters": {"gate": [[0, 0], [0, 0]],'
    ' "mean": [[0, 1], [1, %s]], "variance": [1, 2]}}\')\n'
)


@pytest.mark.parametrize(
    ("text", "status", "detail"),
    [
        ("raise ValueError('no such law')", "failed", "ValueError: no such law"),
        ("import os; os.abort()", "failed", "ended by signal 6"),
        ("sys.exit(3)", "failed", "exit code 3"),
        (STARTED + "while True: pass", "cut off", "after 0.3 s"),
        (STARTED + ANSWER % "NaN", "failed", "mean of the parameters is not finite"),
        (
            STARTED + (ANSWER % "1").replace("[1, 2]", "[1, 0]"),
            "failed",
            "the log-likelihood of its parameters is nan",
        ),
        (
            STARTED + (ANSWER % "1").replace("seconds", "time"),
            "failed",
            "its answer lacks 'seconds'",
        ),
        (STARTED + ANSWER % "1", "fitted", ""),
        (STARTED + ANSWER % "1" + "while True: pass", "fitted", ""),
    ],
    ids=[
        "raises",
        "crashes",
        "exits",
        "hangs",
        "not finite",
        "degenerate",
        "not told",
        "answers",
        "answers and hangs",
    ],
)
def test_what_a_package_does_is_shown(tmp_path: Path, text: str, status: str, detail: str) -> None:
    problem = SMALL["softmax"]
    package = fake(tmp_path, text)
    answer = job.run(package, problem, limit=0.3, repeats=1, found=HERE)
    row = compare.row(problem, package, answer, compare.Side(problem, rounds=1))
    assert (row.status, row.detail) == (status, detail)
    shown = table.render([row])
    assert f"{status}: {detail}" in shown if detail else "500 ms" in shown
    assert (row.loglik is None) == (status != "fitted")
    assert row.holds and row.highest > problem.loglik(problem.start)


def test_a_process_that_is_never_ready_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "START_UP", 0.2)
    package = fake(tmp_path, "time.sleep(60)")
    answer = job.run(package, SMALL["softmax"], limit=1.0, repeats=1, found=HERE)
    assert (answer.status, answer.detail) == ("failed", "not ready after 0.2 s")


def test_a_package_that_is_not_there_is_shown() -> None:
    problem = SMALL["softmax"]
    package = Package("no-such-package", "Python", "none.py", lambda problem: True)
    (row,) = compare.rows(problem, (package,), limit=1.0, repeats=1)
    assert (row.status, row.detail, row.loglik) == ("absent", "not installed", None)


def test_a_start_that_a_package_tells_is_where_mixexp_starts() -> None:
    problem = SMALL["softmax"]
    away = at_optimum(problem).start
    package = replace(PACKAGES[0], takes_start=False)
    answer = Answer("fitted", seconds=1.0, parameters=away, start=away)
    row = compare.row(problem, package, answer, compare.Side(problem, rounds=1))
    assert row.start == compare.TOLD
    assert row.missing == pytest.approx(0.0, abs=1e-6)
    climb = problem.climb(away, rounds=1)
    # It begins where the package did: at the maximum.
    assert climb.loglik[0] == pytest.approx(problem.loglik(away), abs=1e-6)


@pytest.mark.parametrize("name", list(SMALL))
def test_the_climb_ends_where_the_fit_does(name: str) -> None:
    problem = SMALL[name]
    fitted, climb = problem.certified(problem.start, rounds=1), problem.climb(problem.start, 1)
    assert fitted.holds and fitted.seconds > 0.0
    assert climb.loglik[0] == pytest.approx(problem.loglik(problem.start), rel=1e-9)
    assert climb.loglik.max() == pytest.approx(fitted.loglik, abs=1e-6)
    assert np.all(np.diff(climb.seconds) >= 0.0)
    assert climb.seconds_to(fitted.loglik) is not None
    assert climb.seconds_to(fitted.loglik + 1.0) is None


def test_seconds_to_a_value_are_those_of_the_first_that_reaches_it() -> None:
    climb = Climb(np.array([1.0, 2.0, 3.0]), np.array([-5.0, -2.0, -4.0]))
    assert [climb.seconds_to(value) for value in (-6.0, -4.0, -2.0, -1.0)] == [1.0, 2.0, 2.0, None]


def test_every_python_package_can_be_installed_by_the_extra() -> None:
    extra = " ".join(environments.requirements())
    missing = [p.name for p in PACKAGES if p.language == "Python" and p.name not in extra]
    # mixexp needs it anyway.
    assert missing == ["scikit-learn"]


def test_drivers_are_there() -> None:
    assert all(package.path.is_file() for package in PACKAGES)
    assert len({package.path for package in PACKAGES}) == len(PACKAGES)
