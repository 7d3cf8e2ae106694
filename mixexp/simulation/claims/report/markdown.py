"""Elements as Markdown, with the figures in files beside it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from mixexp.simulation.claims.report.elements import (
    Bullets,
    Chip,
    Element,
    Folded,
    Heading,
    Inline,
    Jump,
    Link,
    Paragraph,
    Pieces,
    Table,
    pieces,
)
from mixexp.simulation.text import markdown_table


def markdown_page(elements: Sequence[Element], folder: Path, root: str = "../..") -> str:
    """The elements as Markdown for a file in `folder`, from where `root` leads to the repository.

    Examples
    --------
    >>> print(markdown_page([Heading("A < B", 2), Paragraph("x | y")], Path()), end="")
    ## A &lt; B
    <BLANKLINE>
    x | y
    """
    return "\n\n".join(filter(None, (_element(each, folder, root) for each in elements))) + "\n"


def _element(element: Element, folder: Path, root: str) -> str:
    if isinstance(element, Heading):
        anchor = f'<a id="{element.anchor}"></a>\n\n' if element.anchor else ""
        return f"{anchor}{'#' * element.level} {_text(element.text)}"
    if isinstance(element, Paragraph):
        quote = "> " if element.kind == "warning" else ""
        return quote + _text(element.text)
    if isinstance(element, Pieces):
        return _line(element.pieces, " · ", root)
    if isinstance(element, Bullets):
        return "\n".join(f"- {_line(pieces(item), ' ', root)}" for item in element.items)
    if isinstance(element, Table):
        return _table(element, root) if element.rows else ""
    if isinstance(element, Folded):
        table = _table(element.table, root)
        return f"<details>\n<summary>{_text(element.text)}</summary>\n\n{table}\n\n</details>"
    path = Path(os.path.relpath(element.path, folder)).as_posix()
    return f"![{_text(element.text)}]({path})"


def _table(table: Table, root: str) -> str:
    width = len(table.header)
    rows = [
        [f"**{_text(row)}**", *[""] * (width - 1)]
        if isinstance(row, str)
        else [_line(pieces(cell), "<br>", root) for cell in row]
        for row in table.rows
    ]
    caption = f"**{_text(table.caption)}**\n\n" if table.caption else ""
    return caption + markdown_table([_text(name) for name in table.header], rows, right=table.right)


def _line(items: Sequence[Inline], between: str, root: str) -> str:
    return between.join(_inline(piece, root) for piece in items)


def _inline(piece: Inline, root: str) -> str:
    if isinstance(piece, Chip):
        return f"**{_text(piece.text)}**"
    if isinstance(piece, Jump):
        return f"[{_text(piece.text)}](#{piece.anchor})"
    if isinstance(piece, Link):
        return f"[{_text(piece.text)}]({root}/{piece.target})"
    return _text(piece)


def _text(text: str) -> str:
    """Text that is not taken for HTML or for emphasis, as ``k* + 1`` to ``2k*`` would be."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return plain.replace("*", "\\*")
