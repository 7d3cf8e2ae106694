"""What a report is made of, before it is HTML or Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class Chip(NamedTuple):
    """A verdict, set off by colour and sign; `kind` names the colour."""

    text: str
    kind: str


class Jump(NamedTuple):
    """A link to an anchor of the page."""

    text: str
    anchor: str


class Link(NamedTuple):
    """A link to a file; `target` is relative to the root of the repository."""

    text: str
    target: str


Inline = str | Chip | Jump | Link
Cell = Inline | Sequence[Inline]
"""Content of a table's cell; several pieces stand below each other."""


@dataclass(frozen=True)
class Heading:
    """A heading of level 1, 2 or 3 that can be jumped to."""

    text: str
    level: int
    anchor: str = ""


@dataclass(frozen=True)
class Paragraph:
    """Text; `kind` "note" is small, "warning" is set off."""

    text: str
    kind: str = ""


@dataclass(frozen=True)
class Pieces:
    """A line of links and verdicts."""

    pieces: Sequence[Inline]


@dataclass(frozen=True)
class Bullets:
    """A list; empty ones are not shown. The pieces of an item stand in one line."""

    items: Sequence[Cell]


@dataclass(frozen=True)
class Table:
    """A table whose last `right` columns are aligned to the right; without rows it is not shown.

    A row that is a text is the heading of the rows below it.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell] | str]
    right: int = 0


@dataclass(frozen=True)
class Picture:
    """A figure in a PNG file below the folder of the report, and what it shows."""

    path: Path
    text: str


@dataclass(frozen=True)
class Folded:
    """A table under a line that shows it when it is clicked."""

    text: str
    table: Table


Element = Heading | Paragraph | Pieces | Bullets | Table | Picture | Folded


def pieces(cell: Cell) -> Sequence[Inline]:
    """The pieces of a cell.

    Examples
    --------
    >>> pieces("a"), pieces(Chip("agrees", "agrees")), pieces(["a", "b"])
    (['a'], [Chip(text='agrees', kind='agrees')], ['a', 'b'])
    """
    return [cell] if isinstance(cell, str | Chip | Jump | Link) else cell
