"""What is shipped: the wheel and the source archive, built, looked into, and used elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import mixexp

ROOT = Path(__file__).resolve().parents[1]
README = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
FIRST_LINES = "import mixexp; print(mixexp.__file__)\n"


def built(source: Path, kind: str, target: Path) -> Path:
    """The one file that hatchling makes of a source tree."""
    pytest.importorskip("hatchling")
    run([sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)], source)
    (found,) = target.iterdir()
    return found


def run(command: list[str], cwd: Path, **environment: str) -> str:
    """What a command prints; the test fails with what it wrote if the command does."""
    # A checkout on the path would hide what is missing from the wheel.
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | environment
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(ROOT, "sdist", tmp_path_factory.mktemp("sdist"))


def contents(wheel: Path) -> dict[str, bytes]:
    """The files of a wheel."""
    with zipfile.ZipFile(wheel) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def test_wheel_holds_the_library_and_nothing_else(wheel: Path) -> None:
    names = contents(wheel)
    own = {p for p in (ROOT / "mixexp").rglob("*") if p.suffix in (".py", ".csv", ".typed", ".md")}
    missing = {str(path.relative_to(ROOT)) for path in own} - set(names)
    assert not missing
    assert {name.split("/")[0] for name in names} == {
        "mixexp",
        f"mixexp-{mixexp.__version__}.dist-info",
    }
    assert not [name for name in names if name.endswith((".pyc", ".nbi", ".nbc", ".sqlite"))]
    assert "mixexp/py.typed" in names
    assert "mixexp/datasets/data/ethanol.csv" in names


def test_wheel_says_what_it_needs(wheel: Path) -> None:
    metadata = contents(wheel)[f"mixexp-{mixexp.__version__}.dist-info/METADATA"].decode()
    assert "License-Expression: BSD-3-Clause" in metadata
    assert "Requires-Python: >=3.11" in metadata
    assert "Requires-Dist: numba" in metadata
    assert "# mixexp" in metadata


def test_archive_has_all_sources_and_makes_the_same_wheel(
    archive: Path, wheel: Path, tmp_path: Path
) -> None:
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    for name in ("tests/conftest.py", "docs/conf.py", "experiments/claims", "Makefile", "LICENSE"):
        assert (source / name).exists(), name
    generated = ("docs/_build", "docs/api/generated", "docs/examples", "docs/notebooks")
    assert not [name for name in generated if (source / name).exists()]
    again = built(source, "wheel", tmp_path / "wheel")
    assert contents(again) == contents(wheel)


def test_a_readme_example_runs_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    run([*pip, "--disable-pip-version-check", "--target", str(site), str(wheel)], elsewhere)
    code = FIRST_LINES + README[0]
    printed = run([sys.executable, "-W", "error", "-c", code], elsewhere, PYTHONPATH=str(site))
    assert printed.startswith(str(site)), "the example used the checkout"
    assert "certified optimum: yes" in printed


@pytest.mark.slow
def test_every_readme_example_runs_in_a_clean_environment(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "clean", with_pip=True)
    python = str(tmp_path / "clean" / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "-c", str(ROOT / "constraints.txt"), str(wheel)], tmp_path)
    code = FIRST_LINES + "".join(README)
    printed = run([python, "-W", "error", "-c", code], tmp_path)
    assert printed.startswith(str(tmp_path / "clean"))
    assert "certified optimum: yes" in printed
    run([python, "-m", "pip", "check"], tmp_path)
