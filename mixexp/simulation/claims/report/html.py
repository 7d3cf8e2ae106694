"""Elements as one HTML page without anything from elsewhere."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from html import escape

from mixexp.simulation.claims.report.elements import (
    Bullets,
    Cell,
    Chip,
    Element,
    Folded,
    Heading,
    Inline,
    Jump,
    Link,
    Paragraph,
    Picture,
    Pieces,
    Table,
    pieces,
)
from mixexp.simulation.claims.report.style import CSS


def html_page(title: str, elements: Sequence[Element], root: str = "../..") -> str:
    """A page with its style and figures inside; it loads nothing.

    Parameters
    ----------
    title : str
    elements : sequence of Element
    root : str
        Where the root of the repository is, seen from the folder of the page.

    Examples
    --------
    >>> page = html_page("A < B", [Paragraph("n & m")])
    >>> "<title>A &lt; B</title>" in page, "<p>n &amp; m</p>" in page
    (True, True)
    """
    body = "\n".join(filter(None, (_element(each, root) for each in elements)))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{CSS}</style>\n</head>\n<body>\n<main>\n"
        f"{body}\n</main>\n</body>\n</html>\n"
    )


def _text(text: str) -> str:
    """Escaped text with exponents raised, and numbers kept with their sign of per cent."""
    raised = re.sub(r"\^(?:\(([^()]*)\)|(\w))", r"<sup>\1\2</sup>", escape(text))
    return raised.replace(" %", "&nbsp;%").replace("<sup>-", "<sup>\N{MINUS SIGN}")


def _element(element: Element, root: str) -> str:
    if isinstance(element, Heading):
        anchor = f' id="{escape(element.anchor)}"' if element.anchor else ""
        return f"<h{element.level}{anchor}>{_text(element.text)}</h{element.level}>"
    if isinstance(element, Paragraph):
        kind = f' class="{escape(element.kind)}"' if element.kind else ""
        return f"<p{kind}>{_text(element.text)}</p>"
    if isinstance(element, Pieces):
        return f'<p class="pieces">{_line(element.pieces, root)}</p>'
    if isinstance(element, Bullets):
        items = "".join(f"<li>{_line(pieces(item), root)}</li>" for item in element.items)
        return f"<ul>{items}</ul>" if items else ""
    if isinstance(element, Table):
        return _table(element, root) if element.rows else ""
    if isinstance(element, Folded):
        table = _table(element.table, root)
        return f"<details>\n<summary>{_text(element.text)}</summary>\n{table}\n</details>"
    return _picture(element)


def _table(table: Table, root: str) -> str:
    first = len(table.header) - table.right
    classes = ["" if j < first else ' class="number"' for j in range(len(table.header))]
    head = "".join(
        f'<th scope="col"{kind}>{_text(name)}</th>'
        for kind, name in zip(classes, table.header, strict=True)
    )
    rows = "\n".join(_row(row, classes, root) for row in table.rows)
    caption = f"<caption>{_text(table.caption)}</caption>" if table.caption else ""
    # A region that scrolls must be reachable with the keyboard.
    return (
        f'<div class="wide" tabindex="0">\n<table>{caption}\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n</table>\n</div>"
    )


def _row(row: Sequence[Cell] | str, classes: Sequence[str], root: str) -> str:
    if isinstance(row, str):
        span = f'class="group" scope="rowgroup" colspan="{len(classes)}"'
        return f"<tr><th {span}>{_text(row)}</th></tr>"
    cells = (
        f"<td{kind}>{'<br>'.join(_inline(piece, root) for piece in pieces(cell))}</td>"
        for kind, cell in zip(classes, row, strict=True)
    )
    return f"<tr>{''.join(cells)}</tr>"


def _picture(picture: Picture) -> str:
    data = base64.b64encode(picture.path.read_bytes()).decode()
    text = escape(picture.text)
    return (
        f'<figure><img alt="{text}" src="data:image/png;base64,{data}">'
        f"<figcaption>{_text(picture.text)}</figcaption></figure>"
    )


def _line(items: Sequence[Inline], root: str) -> str:
    return " ".join(_inline(piece, root) for piece in items)


def _inline(piece: Inline, root: str) -> str:
    if isinstance(piece, Chip):
        return f'<span class="chip {escape(piece.kind)}">{_text(piece.text)}</span>'
    if isinstance(piece, Jump):
        return f'<a href="#{escape(piece.anchor)}">{_text(piece.text)}</a>'
    if isinstance(piece, Link):
        return f'<a href="{escape(f"{root}/{piece.target}")}">{_text(piece.text)}</a>'
    return _text(piece)
