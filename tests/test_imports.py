"""What an import loads: names of mixexp wait until they are used, other packages until a call."""

from __future__ import annotations

import ast
import json
import pickle
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import mixexp
import mixexp.estimators
from mixexp._lazy import lazy

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("mixexp", "mixexp.estimators")

# What a name may load beyond scikit-learn's base and numba. Everything else waits for a call that
# needs it: sklearn.cluster, metrics and model_selection alone would cost as much as mixexp.
LIGHT = {"mixexp", "sklearn.callback", "sklearn.utils"}

_FIT = """
import numpy as np
x = np.linspace(-1.0, 1.0, 60)[:, None]
GaussianMoE(2, n_init=1, random_state=0).fit(x, np.abs(x[:, 0]) + 0.1 * np.sin(40.0 * x[:, 0]))
"""
_STAGES = ["import mixexp", "from mixexp import GaussianMoE", _FIT, "mixexp.GLoME", "mixexp.theory"]

_RUN = f"""
import json, sys
import sklearn.base, numba
found = []
for statement in {_STAGES!r}:
    before = set(sys.modules)
    exec(statement)
    found.append(sorted(set(sys.modules) - before))
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def stages() -> list[set[str]]:
    """What each statement loads in a new process, in turn, after scikit-learn's base and numba."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _RUN],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [set(found) for found in json.loads(done.stdout)]


def packages(modules: set[str]) -> set[str]:
    """Packages, two names deep, that are neither numba's nor Python's; mixexp as a whole."""
    known = {*sys.stdlib_module_names, "numba", "llvmlite", "numpy"}
    foreign = [m.split(".") for m in modules if m.split(".")[0] not in known]
    return {"mixexp" if m[0] == "mixexp" else ".".join(m[:2]) for m in foreign if m[0][0] != "_"}


def test_import_mixexp_loads_none_of_its_names(stages: list[set[str]]) -> None:
    assert stages[0] == {"mixexp", "mixexp._lazy"}


def test_an_estimator_loads_little_else(stages: list[set[str]]) -> None:
    assert packages(stages[1]) <= LIGHT
    assert packages(stages[3]) <= LIGHT


def test_an_estimator_does_not_load_what_only_others_need(stages: list[set[str]]) -> None:
    foreign = (
        *("mixexp.selection", "mixexp.inference", "mixexp.simulation", "mixexp.theory"),
        *("mixexp.estimators.glome", "mixexp.plotting", "mixexp.persistence", "mixexp.formula"),
    )
    assert sorted(m for m in stages[1] if m.startswith(foreign)) == []


def test_a_first_fit_loads_no_package_but_kernels(stages: list[set[str]]) -> None:
    assert packages(stages[2]) <= LIGHT


def test_subpackages_are_attributes_without_an_import_of_their_own(stages: list[set[str]]) -> None:
    assert "mixexp.theory" in stages[4]


@pytest.mark.parametrize("package", PACKAGES)
def test_what_type_checkers_see_is_what_is_imported(package: str) -> None:
    module = import_module(package)
    tree = ast.parse(Path(str(module.__file__)).read_text("utf-8"))
    (block,) = [n for n in tree.body if isinstance(n, ast.If)]
    seen = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    (homes,) = [ast.literal_eval(n) for n in ast.walk(block) if isinstance(n, ast.Dict)]
    assert seen == {name: home for home, names in homes.items() for name in names}
    assert {*seen, "__version__"} >= set(module.__all__) >= set(seen)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_name_is_found_and_listed(package: str) -> None:
    module = import_module(package)
    assert set(module.__all__) <= set(dir(module))
    star: dict[str, object] = {}
    exec(f"from {package} import *", star)
    assert set(module.__all__) <= set(star)
    assert all(getattr(module, name) is star[name] for name in module.__all__)


def test_a_name_that_is_not_there_is_an_error_that_names_it() -> None:
    with pytest.raises(AttributeError, match="module 'mixexp' has no attribute 'GausianMoE'"):
        _ = mixexp.GausianMoE
    with pytest.raises(ImportError, match="cannot import name 'GausianMoE'"):
        exec("from mixexp import GausianMoE")
    assert not hasattr(mixexp, "__wrapped__")


def test_estimators_are_the_same_object_by_every_path() -> None:
    from mixexp.estimators.regression import GaussianMoE

    assert mixexp.GaussianMoE is mixexp.estimators.GaussianMoE is GaussianMoE
    assert pickle.loads(pickle.dumps(mixexp.GaussianMoE)) is GaussianMoE


def test_a_module_must_not_hide_a_name() -> None:
    # A submodule that is imported becomes an attribute, before __getattr__ is asked.
    for package in PACKAGES:
        module = import_module(package)
        files = {path.stem for path in Path(str(module.__file__)).parent.glob("*")}
        assert set(module.__all__).isdisjoint(files)
    find, names = lazy("mixexp", {"mixexp.models": ["Softmax"]})
    assert find("Softmax") is mixexp.Softmax and "Softmax" in names()
