"""Data and stub estimators for the tests of the selection, and a slow one to be killed."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin

from mixexp import GaussianMoE
from mixexp.selection.selector import ModelSelector


def two_lines(n=120, seed=0):
    """Rows of two lines, far apart, whose gate and noise overlap."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 1))
    first = rng.random(n) < 1.0 / (1.0 + np.exp(-1.5 * X[:, 0]))
    y = np.where(first, 2.0 + 2.0 * X[:, 0], -2.0 - X[:, 0]) + 0.5 * rng.normal(size=n)
    return X, y


def quick(**settings):
    return GaussianMoE(**{"n_init": 1, "random_state": 0, **settings})


class Stub(RegressorMixin, BaseEstimator):
    """Has the log-likelihoods and certificates it is told to have, and counts its fits in a file.

    ``ends[n_init]`` is (shift of the log-likelihood, certified) of fits from that many starts.
    """

    def __init__(
        self, n_experts=1, n_init=1, logliks=(), ends=None, fails=(), pause=0.0, log=None,
        random_state=None,
    ):  # fmt: skip
        self.n_experts = n_experts
        self.n_init = n_init
        self.logliks = logliks
        self.ends = ends
        self.fails = fails
        self.pause = pause
        self.log = log
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        if self.log is not None:
            with Path(self.log).open("a") as stream:
                print(self.n_experts, self.n_init, self.random_state, file=stream)
        time.sleep(self.pause)
        if self.n_experts in self.fails:
            raise ArithmeticError(f"no luck with {self.n_experts}")
        shift, self.converged_ = (self.ends or {}).get(self.n_init, (0.0, True))
        levels = self.logliks or [-100.0 / k for k in range(1, 100)]
        self.loglik_ = levels[self.n_experts - 1] + shift
        self.n_free_ = 5 * self.n_experts - 2
        self.found_ = self.n_init
        return self

    def predict(self, X):
        return np.full(len(X), float(self.n_experts))


class Generative(Stub):
    """Has a joint likelihood too, which ranks the candidates the other way round."""

    def fit(self, X, y, sample_weight=None):
        super().fit(X, y, sample_weight)
        self.joint_loglik_ = -10.0 * self.n_experts
        self.n_parameters_ = 7 * self.n_experts
        return self


def fits(log):
    """The fits that stubs have logged: (n_experts, n_init, seed) each."""
    if not Path(log).exists():
        return []
    return [tuple(line.split()) for line in Path(log).read_text().splitlines()]


def slow_selection(folder, log, pause=0.0):
    """A selection of eight candidates."""
    stub = Stub(log=str(log), pause=pause)
    grid = {"n_experts": list(range(1, 9))}
    return ModelSelector(stub, grid, store=str(folder), random_state=0)


def main(folder, log):
    """Run the selection that a test is going to kill and resume: the pause must be the same."""
    slow_selection(folder, log, pause=0.05).fit(*two_lines())
