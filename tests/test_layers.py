"""The layers: who may import whom, which packages are imported late, and how long a file may be."""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]

# A unit imports units of a lower level only, or of its own level where that level is not split.
LEVELS: list[set[str]] = [
    {"_kernels", "_lazy"},
    {"models"},
    {"estimation"},
    {"theory", "selection", "inference"},
    {"estimators", "plotting", "datasets", "formula", "persistence", "compat"},
    {"simulation"},
    {"experiments"},
]
SPLIT = {"theory", "selection", "inference"}
LEVEL = {unit: level for level, units in enumerate(LEVELS) for unit in units}
# The root gathers the public names: it may import everything below the studies.
LEVEL["mixexp"] = LEVEL["estimators"] + 0.5

ONLY_IN = {
    "numba": ("mixexp._kernels",),
    "joblib": (
        "mixexp.simulation.backends",
        "mixexp.estimation.executors",
        "mixexp.selection.execution",
    ),
    "dask": ("mixexp.simulation.backends", "mixexp.estimation.cluster"),
    "distributed": (
        "mixexp.simulation.backends",
        "mixexp.estimation.executors",
        "mixexp.estimation.cluster",
    ),
}
LATE = {"statsmodels", "matplotlib"}


class Import(NamedTuple):
    """An import of one name: its line, its dotted target, and whether it waits for a call."""

    line: int
    target: str
    late: bool


def imports(source: str, module: str, *, is_package: bool = False) -> list[Import]:
    """All imports of a source, relative ones resolved against ``module``."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    return list(_imports(ast.parse(source), package, late=False))


def _imports(node: ast.AST, package: list[str], *, late: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(child.lineno, alias.name, late) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            kept = package[: len(package) + 1 - child.level] if child.level else []
            base = ".".join([*kept, *filter(None, [child.module])])
            yield from (Import(child.lineno, f"{base}.{a.name}", late) for a in child.names)
        else:
            waits = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _imports(child, package, late=late or waits or _is_typing_only(child))


def _is_typing_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def unit(dotted: str) -> str | None:
    """The unit a dotted name belongs to: 'models', 'experiments', 'mixexp' for the root itself."""
    parts = dotted.split(".")
    if parts[0] == "experiments":
        return "experiments"
    if parts[0] != "mixexp":
        return None
    return parts[1] if len(parts) > 1 and parts[1] in LEVEL else "mixexp"


def violations(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """What the imports of a module break, in words; an empty list if nothing."""
    return [
        f"{module}:{found.line}: {reason}"
        for found in imports(source, module, is_package=is_package)
        for reason in (*_layer_faults(found, module), *_package_faults(found, module))
    ]


def _layer_faults(found: Import, module: str) -> Iterator[str]:
    here, there = unit(module), unit(found.target)
    if there is None or here is None or here == there or found.target == "mixexp.__version__":
        return
    if LEVEL[there] > LEVEL[here]:
        yield f"{here} imports {found.target}, which lies above it"
    elif here in SPLIT and there in SPLIT:
        yield f"{here} imports its sibling {found.target}"


def _package_faults(found: Import, module: str) -> Iterator[str]:
    top = found.target.split(".")[0]
    homes = ONLY_IN.get(top)
    if homes and not any(module == home or module.startswith(f"{home}.") for home in homes):
        yield f"{top} is imported outside {', '.join(homes)}"
    if top in LATE and not found.late:
        yield f"{top} is imported outside a function"


def modules() -> list[Path]:
    """The Python files of the library and of the experiments."""
    return sorted(p for folder in ("mixexp", "experiments") for p in (ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    """The dotted name of a file of this project."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_obey_the_layers(path: Path) -> None:
    is_package = path.name == "__init__.py"
    assert violations(path.read_text("utf-8"), name_of(path), is_package=is_package) == []


def test_every_unit_has_a_level() -> None:
    entries = [p for p in (ROOT / "mixexp").iterdir() if p.suffix == ".py" or p.is_dir()]
    units = {p.stem for p in entries if not p.name.startswith("__")}
    assert units <= set(LEVEL), "give the new unit a level in LEVELS"


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("mixexp._kernels.posterior", "from mixexp.models import gates"),
        ("mixexp.models.mixture", "from ..estimation import objective"),
        ("mixexp.models.gates.softmax", "def f():\n    from ...estimation.start import kmeans"),
        ("mixexp.estimation.start", "from mixexp import theory"),
        ("mixexp.theory.losses", "import mixexp.selection.criteria"),
        ("mixexp.selection.slope", "from ..theory import losses"),
        ("mixexp.plotting", "from .simulation.report import table"),
        ("mixexp.datasets.ethanol", "from mixexp.simulation import study"),
        ("mixexp.models.measure", "from mixexp import GaussianMoE"),
        ("mixexp.simulation.study", "import experiments.running"),
        ("mixexp.models.gates.softmax", "from numba import njit"),
        ("experiments.rates", "import numba"),
        ("mixexp.estimation.inference", "import statsmodels.api as sm"),
        ("mixexp.plotting", "try:\n    import matplotlib\nexcept ImportError:\n    pass"),
        ("mixexp.plotting", "class Figure:\n    from matplotlib import pyplot"),
        ("mixexp.estimators.regression", "def fit():\n    import joblib"),
        ("mixexp.simulation.study", "def run():\n    from dask import delayed"),
    ],
)
def test_a_broken_rule_is_found(module: str, source: str) -> None:
    assert len(violations(source, module)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("mixexp.models.gates.softmax", "from ..._kernels import softmax\nfrom .._chart import a"),
        ("mixexp.estimators.regression", "from ..formula import parse\nfrom ..theory import x"),
        ("mixexp.simulation.backends", "import joblib"),
        ("mixexp.persistence", "from mixexp import __version__"),
        ("mixexp._kernels.posterior", "from numba import njit\nimport numpy as np"),
        ("mixexp.plotting", "def plot():\n    import matplotlib.pyplot as plt"),
        (
            "mixexp.plotting",
            "from typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n    from matplotlib.axes import Axes",
        ),
        ("experiments.rates", "from mixexp import GaussianMoE\nfrom mixexp.simulation import x"),
    ],
)
def test_a_kept_rule_is_not_reported(module: str, source: str) -> None:
    assert violations(source, module) == []


def test_relative_imports_of_a_package_start_at_the_package() -> None:
    source = "from ..theory import losses"
    assert violations(source, "mixexp.selection", is_package=True)
    assert unit(imports(source, "mixexp.selection", is_package=True)[0].target) == "theory"


def loaded(statement: str, names: set[str]) -> set[str]:
    """Which of the packages a new process has loaded after a statement."""
    code = f"import sys; {statement}; print(*sorted({names!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_import_mixexp_loads_nothing_heavy() -> None:
    heavy = {"statsmodels", "matplotlib", "dask", "distributed"}
    assert loaded("import mixexp", heavy) == set()
    assert loaded("import mixexp, statsmodels", heavy) == {"statsmodels"}


def lengths(*folders: Path) -> dict[Path, int]:
    """Number of lines of every Python file below the folders."""
    files = (path for folder in folders for path in folder.rglob("*.py"))
    return {path: len(path.read_text("utf-8").splitlines()) for path in files}


def test_no_file_is_longer_than_400_lines() -> None:
    names = ("mixexp", "experiments", "tests", "benchmarks", "notebooks", "docs")
    counts = lengths(*(ROOT / name for name in names))
    assert ROOT / "mixexp" / "__init__.py" in counts
    assert {str(path.relative_to(ROOT)): n for path, n in counts.items() if n > 400} == {}


def test_files_of_the_library_are_short() -> None:
    counts = lengths(ROOT / "mixexp")
    assert statistics.median(n for p, n in counts.items() if p.name != "__init__.py") <= 150


def test_lengths_counts_lines(tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text("x = 1\n" * 401, "utf-8")
    assert lengths(tmp_path) == {tmp_path / "long.py": 401}
