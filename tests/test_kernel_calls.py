"""A cached kernel that calls one of another file has that file's fingerprint in its own.

The on-disk cache of compiled code notices a change of the file of a kernel, and of no other: the
fingerprint, which has to be renewed by ``python -m tests.test_kernel_calls``, is what changes it.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

KERNELS = Path(__file__).parents[1] / "mixexp" / "_kernels"
FILES = sorted(path for path in KERNELS.glob("*.py") if path.name != "__init__.py")


def called(path: Path) -> set[str]:
    """Other kernel files that a file imports, in whatever way."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            # Relative imports are of this folder.
            module = ".".join(filter(None, ["mixexp._kernels"][: node.level] + [node.module or ""]))
            names |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    inside = {name.split(".")[2] for name in names if name.startswith("mixexp._kernels.")}
    return {name for name in inside if (KERNELS / f"{name}.py").exists()}


def fingerprint(name: str) -> str:
    """What a file says, fingerprints of the files that it calls included."""
    return hashlib.sha256((KERNELS / f"{name}.py").read_bytes()).hexdigest()[:12]


def named(path: Path) -> dict[str, str]:
    """The fingerprints that a file holds."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CALLS":
            found = ast.literal_eval(node.value)
            assert isinstance(found, dict)
            return found
    return {}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_fingerprints_of_called_kernels_are_current(path: Path) -> None:
    assert named(path) == {name: fingerprint(name) for name in sorted(called(path))}, (
        "run `python -m tests.test_kernel_calls`"
    )


def test_some_kernel_calls_another() -> None:
    assert called(KERNELS / "linear_gaussian.py") == {"gaussian", "posterior"}


@pytest.mark.parametrize(
    "line",
    [
        "from mixexp._kernels.posterior import posterior",
        "from mixexp._kernels import posterior",
        "from . import posterior",
        "from .posterior import posterior as p",
        "import mixexp._kernels.posterior as p",
        "def f():\n    from mixexp._kernels.posterior import posterior",
    ],
)
def test_every_way_to_import_is_noticed(line: str, tmp_path: Path) -> None:
    (tmp_path / "some.py").write_text(f"import numpy as np\nfrom numba import njit\n{line}\n")
    assert called(tmp_path / "some.py") == {"posterior"}


def test_kernels_are_functions_of_python_where_numba_is_switched_off() -> None:
    lines = [f"import mixexp._kernels.{path.stem}" for path in FILES]
    code = "\n".join([*lines, "print(mixexp._kernels.elementary.log(1.0))"])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "0.0", done.stderr


def renew() -> None:
    """Write the fingerprints, until those of files that call each other have settled."""
    for _ in FILES:
        for path in FILES:
            current = {name: fingerprint(name) for name in sorted(called(path))}
            if current and named(path) != current:
                pairs = ", ".join(f'"{name}": "{mark}"' for name, mark in current.items())
                text = re.sub(r"CALLS = \{[^}]*\}", f"CALLS = {{{pairs}}}", path.read_text())
                path.write_text(text)


if __name__ == "__main__":
    renew()
