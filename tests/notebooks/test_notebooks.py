"""Every notebook runs, warns of nothing, and still says what its committed outputs say."""

from __future__ import annotations

import socket
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.notebooks.numbers import differences

FOLDER = Path(__file__).parents[2] / "notebooks"
SCRIPTS = sorted(FOLDER.glob("[0-9][0-9]_*.py"))
MAX_BYTES = 300_000
MAX_ROWS = 10
PLACES = ("/home/", "/root/", "/tmp/", "/usr/", "/Users/", "site-packages", "C:\\", " at 0x")

pytest.importorskip("nbclient")
pytest.importorskip("jupytext")
build = pytest.importorskip("notebooks.build")


def by_name(path: Path) -> str:
    return path.stem


@cache
def committed(script: Path) -> Any:
    import nbformat

    return nbformat.read(script.with_suffix(".ipynb"), as_version=4)


def texts(cell: Any) -> list[str]:
    """What a cell printed and showed as text."""
    found = []
    for output in cell.get("outputs", ()):
        plain = output.get("text") or output.get("data", {}).get("text/plain", "")
        found.append("".join(plain))
    return found


def kinds(cell: Any) -> list[list[str]]:
    """The kind of each output, and in what forms it came."""
    return [
        [output["output_type"], output.get("name", ""), *sorted(output.get("data", {}))]
        for output in cell.get("outputs", ())
    ]


def test_there_are_notebooks() -> None:
    assert len(SCRIPTS) == 7
    assert {p.stem for p in FOLDER.glob("*.ipynb")} == {p.stem for p in SCRIPTS}


@pytest.mark.parametrize("script", SCRIPTS, ids=by_name)
def test_script_and_notebook_agree(script: Path) -> None:
    made, kept = build.read_script(script), committed(script)
    pairs = [[(c.id, c.cell_type, c.source) for c in nb.cells] for nb in (made, kept)]
    assert pairs[0] == pairs[1], f"{script.stem}.ipynb is older than its script: make notebooks"
    assert kept.metadata == made.metadata


@pytest.mark.parametrize("script", SCRIPTS, ids=by_name)
def test_outputs_are_kept_and_small(script: Path) -> None:
    codes = [cell for cell in committed(script).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in codes] == list(range(1, len(codes) + 1))
    assert any("image/png" in kind for cell in codes for kind in kinds(cell))
    assert script.with_suffix(".ipynb").stat().st_size < MAX_BYTES
    for cell in codes:
        for output in cell.outputs:
            rows = "".join(output.get("data", {}).get("text/html", "")).count("<tr")
            assert rows <= MAX_ROWS + 2, f"a table of {rows} rows, shown by:\n{cell.source}"


@pytest.mark.parametrize("script", SCRIPTS, ids=by_name)
def test_outputs_name_no_machine(script: Path) -> None:
    for cell in committed(script).cells:
        for text in texts(cell):
            for place in (*PLACES, socket.gethostname()):
                assert place not in text, f"{place!r} in the output of:\n{cell.source}"
            assert "seconds" not in text.split(), f"a time in the output of:\n{cell.source}"


@pytest.mark.parametrize("script", SCRIPTS, ids=by_name)
# The kernel's client warns about its own event loop and time stamps, not about the notebook.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning")
def test_notebook_runs_and_says_the_same(script: Path) -> None:
    kept = committed(script)
    fresh = build.execute(build.read_script(script))
    for old, new in zip(kept.cells, fresh.cells, strict=True):
        where = f"of the cell\n{new.source}"
        assert not any("stderr" in kind for kind in kinds(new)), f"a warning {where}\n{texts(new)}"
        assert kinds(old) == kinds(new), f"other kinds of output {where}"
        for before, after in zip(texts(old), texts(new), strict=True):
            found = differences(before, after)
            assert not found, f"{found[:3]} {where}\nIf that is right: make notebooks"
