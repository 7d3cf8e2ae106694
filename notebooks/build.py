"""Execute ``notebooks/*.py`` (jupytext's percent format) and write the .ipynb beside them.

``python notebooks/build.py`` makes all of them, ``python notebooks/build.py 02 04`` those whose
names start so. The same scripts and libraries give the same bytes: ids count the cells, and neither
times nor versions are kept.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
TIME_LIMIT = 300


def scripts(prefixes: list[str] | None = None) -> list[Path]:
    """The scripts, in order; those whose names start with one of the prefixes if there are any."""
    found = sorted(FOLDER.glob("[0-9][0-9]_*.py"))
    return [path for path in found if not prefixes or path.name.startswith(tuple(prefixes))]


def read_script(path: Path) -> Any:
    """The notebook of a script, without outputs."""
    import jupytext

    notebook = jupytext.read(path)
    notebook.metadata.clear()
    notebook.metadata.update(METADATA)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"{path.stem}-{number:02d}"
        cell.metadata.clear()
    return notebook


def execute(notebook: Any) -> Any:
    """Run all cells in a fresh kernel and keep their outputs.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell does.
    """
    from nbclient import NotebookClient

    with tempfile.TemporaryDirectory() as empty:
        # What a user's profile or environment would change stays outside.
        settings = {
            "IPYTHONDIR": empty,
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "PYTHONHASHSEED": "0",
        }
        client = NotebookClient(
            notebook,
            timeout=TIME_LIMIT,
            kernel_name="python3",
            record_timing=False,
            coalesce_streams=True,
            extra_arguments=["--log-level=ERROR"],
            resources={"metadata": {"path": empty}},
        )
        client.execute(env={**os.environ, **settings})
    for cell in notebook.cells:
        cell.metadata.clear()
    notebook.metadata.clear()
    notebook.metadata.update(METADATA)
    return notebook


def build(path: Path) -> Path:
    """Write the executed notebook of a script, and say where."""
    import nbformat

    target = path.with_suffix(".ipynb")
    nbformat.write(execute(read_script(path)), target)
    return target


if __name__ == "__main__":
    for script in scripts(sys.argv[1:]):
        print(build(script).relative_to(FOLDER.parent), flush=True)
