"""The documentation's pages as programs: their Python blocks run, and print what the pages show.

A block of Python that is followed at once by a block of text shows its output. The comment
``<!-- session -->`` starts a fresh session. ``python -m tests.docs.pages`` writes the outputs anew;
``python -m tests.docs.pages docs/start.md`` those of one page.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
SESSION = "<!-- session -->"
REFERENCE = "MIXEXP_REFERENCE"
BLOCK = re.compile(
    r"(?P<code>```python\n(?P<source>.*?)```\n)(?:\n```text\n(?P<shown>.*?)```\n)?", re.DOTALL
)
NUMBER = re.compile(r"-?\d+\.?\d*(?:e[+-]?\d+)?")

# How many starts ended in an optimum depends on the last bit.
HITS = re.compile(r"reached \d+ times|Found by +\d+ of \d+ starts")


@dataclass(frozen=True)
class Block:
    """One block of Python, and the output the page shows for it, or None."""

    source: str
    shown: str | None
    line: int


def own_pages() -> list[Path]:
    """Pages whose blocks are run from here; those with tests of their own are in test_docs.py."""
    docs = ROOT / "docs"
    first = [docs / f"{name}.md" for name in ("index", "start", "questions", "comparison")]
    return [*first, *sorted((docs / "guide").glob("*.md"))]


def sessions(page: str) -> list[str]:
    """The parts of a page that share nothing."""
    return page.split(SESSION)


def needs_reference(session: str) -> bool:
    """Whether a session reads data that may not be copied, and these are not there."""
    return REFERENCE in session and not Path(os.environ.get(REFERENCE, "absent")).is_dir()


def blocks(session: str) -> Iterator[Block]:
    """The blocks of a session, in order."""
    for found in BLOCK.finditer(session):
        yield Block(found["source"], found["shown"], session.count("\n", 0, found.start()) + 1)


def outputs(session: str, name: str) -> Iterator[tuple[Block, str]]:
    """Run a session; each block with what it printed."""
    names: dict[str, object] = {"__name__": name}
    for block in blocks(session):
        printed = io.StringIO()
        wide = pd.option_context("display.width", 100, "display.max_columns", 12)
        with contextlib.redirect_stdout(printed), wide:
            exec(compile("\n" * block.line + block.source, name, "exec"), names)
        yield block, "\n".join(map(str.rstrip, printed.getvalue().splitlines())) + "\n"


def agree(shown: str, printed: str) -> bool:
    """Whether two outputs are the same, numbers to three digits.

    Numbers below 1e-6 beside others of order one are rounding: they have to be small only.
    """
    shown, printed = HITS.sub("hits", shown), HITS.sub("hits", printed)
    if NUMBER.sub("#", shown).split() != NUMBER.sub("#", printed).split():
        return False
    return all(
        abs(a - b) <= 2e-3 * max(abs(a), abs(b)) + 1e-6
        for a, b in zip(_numbers(shown), _numbers(printed), strict=True)
    )


def _numbers(text: str) -> list[float]:
    return [float(number) for number in NUMBER.findall(text)]


def refreshed(page: str, name: str) -> str:
    """The page with the outputs of now."""
    parts = sessions(page)
    for position, part in enumerate(parts):
        if needs_reference(part):
            continue
        printed = iter([text for _, text in outputs(part, name)])

        def filled(found: re.Match[str], printed: Iterator[str] = printed) -> str:
            output = next(printed)
            shows = found["shown"] is not None
            return found["code"] + (f"\n```text\n{output}```\n" if shows else "")

        parts[position] = BLOCK.sub(filled, part)
    return SESSION.join(parts)


if __name__ == "__main__":
    warnings.simplefilter("error")
    for path in [Path(name).resolve() for name in sys.argv[1:]] or own_pages():
        old = path.read_text("utf-8")
        if (new := refreshed(old, str(path.relative_to(ROOT)))) != old:
            path.write_text(new, "utf-8")
            print("changed:", path.relative_to(ROOT))
