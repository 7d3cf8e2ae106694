"""Where each package runs: this environment, one of its own, or R; and how those are made."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
# The second is for packages that need a newer Python than the one mixexp is run with.
FOLDERS = (ROOT / ".venv-peers", ROOT / ".venv-peers-newer")
NEWER = (3, 12)

_PYTHON = "import importlib.metadata as m; print(m.version({0!r}))"
_R = "cat(as.character(packageVersion({0!r})))"


class Found(NamedTuple):
    """A command that starts an interpreter which has the package, and the package's version.

    Where there is none, ``command`` is empty and ``reason`` says why.
    """

    command: tuple[str, ...] = ()
    version: str = ""
    reason: str = ""


@cache
def find(package: str, language: str) -> Found:
    """The first interpreter of a language ("Python" or "R") that has a package."""
    commands = tuple(r_commands() if language == "R" else _pythons())
    if not commands:
        return Found(reason=f"{language} is not installed")
    question = (_R if language == "R" else _PYTHON).format(package)
    for command in commands:
        said = ask((*command, "-e" if language == "R" else "-c", question))
        if said:
            return Found(command, said)
    return Found(reason="not installed")


def ask(command: tuple[str, ...]) -> str | None:
    """The last line that a command prints; None if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    lines = done.stdout.split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), None)


def _pythons() -> Iterator[tuple[str, ...]]:
    yield (sys.executable,)
    for folder in FOLDERS:
        if interpreter(folder).exists():
            yield (str(interpreter(folder)),)


def r_commands() -> Iterator[tuple[str, ...]]:
    found = shutil.which("Rscript")
    if found:
        yield (found, "--no-save", "--no-restore")


def interpreter(folder: Path) -> Path:
    """The Python of a virtual environment."""
    windows = folder / "Scripts" / "python.exe"
    return windows if windows.exists() else folder / "bin" / "python"


def install(newer: str | None = None) -> None:
    """Build the environments of the extra ``peers`` that are not there yet, as far as possible.

    Without a network, or where a package has nothing for this machine, it says so and goes on: what
    is missing is reported as not installed.

    Parameters
    ----------
    newer : str, optional
        A Python of at least version 3.12 for packages that need one; by default what is on the
        path. Without any they are reported as not installed.
    """
    _build(FOLDERS[0], sys.executable)
    if sys.version_info[:2] < NEWER:
        found = newer or _newer_python()
        if found is None:
            print("no Python >= 3.12 found: name one with --newer-python to include em-fit")
        else:
            _build(FOLDERS[1], found)


def requirements() -> list[str]:
    """The extra ``peers``; markers decide what each Python gets."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return list(project["optional-dependencies"]["peers"])


def _build(folder: Path, python: str) -> None:
    """Install what the extra asks for, unless that is what was installed before."""
    done, wanted = folder / ".installed", "\n".join(requirements())
    if done.exists() and done.read_text("utf-8") == wanted:
        return
    print(f"installing the extra 'peers' into {folder.name}", flush=True)
    if not interpreter(folder).exists() and not _succeeds([python, "-m", "venv", str(folder)]):
        print(f"could not make {folder.name}: its packages are reported as not installed")
        return
    pip = [str(interpreter(folder)), "-m", "pip", "install", "--quiet"]
    pip += ["--disable-pip-version-check", "-c", str(ROOT / "constraints.txt")]
    # One by one, so that one that fails does not take the others with it.
    failed = [one for one in requirements() if not _succeeds([*pip, one])]
    if failed:
        print(f"could not install {', '.join(failed)}: reported as not installed")
    else:
        done.write_text(wanted, "utf-8")


def _succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command).returncode == 0
    except OSError:
        return False


def _newer_python() -> str | None:
    """A Python that really starts: version managers leave commands on the path that do not."""
    for name in ("python3.12", "python3.13", "python3.14", "python3"):
        found = shutil.which(name)
        version = found and ask((found, "-c", "import sys; print(sys.version_info >= (3, 12))"))
        if version == "True":
            return found
    return None
