"""Tables and notes that print as text, HTML, LaTeX and CSV, as summaries of statsmodels do."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

WIDTH = 98
"""Columns of the text."""

_LEAST = 9
_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "_": r"\_", "%": r"\%", "&": r"\&",
    "#": r"\#", "$": r"\$", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "|": r"\textbar{}", "<": r"\textless{}", ">": r"\textgreater{}",
}  # fmt: skip


class Block(NamedTuple):
    """A table: a title, headings (none for a table of words), and rows of equal length."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


class Page(NamedTuple):
    """Tables under one title, and sentences below them."""

    title: str
    blocks: Sequence[Block]
    notes: Sequence[str]

    def map(self, change: Callable[[str], str]) -> Page:
        """The same page with every text changed."""
        blocks = [
            Block(change(b.title), [*map(change, b.headings)], [[*map(change, r)] for r in b.rows])
            for b in self.blocks
        ]
        return Page(change(self.title), blocks, [*map(change, self.notes)])

    def text(self) -> str:
        """Lines of at most 98 columns; long names lose their middle."""
        widths = _widths([b for b in self.blocks if b.headings])
        lines = [self.title, "=" * WIDTH]
        for i, block in enumerate(self.blocks):
            if block.headings:
                lines += [""] * (i > 0) + [block.title] * bool(block.title)
                head = _line(["", *block.headings[1:]], widths)
                lines += [head, "-" * len(head)]
                lines += [_line(row, widths) for row in block.rows]
            else:
                lines += _words(block.rows)
        lines.append("=" * WIDTH)
        for note in self.notes:
            lines += textwrap.wrap(note, WIDTH, subsequent_indent="    ")
        return "\n".join(line.rstrip() for line in lines)


def render(page: Page) -> Any:
    """A page as a ``Summary`` of statsmodels: ``str``, ``as_html``, ``as_latex``, ``as_csv``.

    Characters that HTML or LaTeX take for marks are escaped, whatever the user's columns are
    called.

    Examples
    --------
    >>> summary = render(Page("Fit", [Block("", [], [["a<b", "1"]])], ["A note."]))
    >>> "a&lt;b" in summary.as_html(), "textless{}b" in summary.as_latex()
    (True, True)
    """
    return _summary_class()(page)


@cache
def _summary_class() -> type:
    # Importing statsmodels takes seconds, so its subclass waits for the first summary.
    from statsmodels.iolib.summary import Summary

    class PageSummary(Summary):
        """A page as a summary."""

        def __init__(self, page: Page):
            super().__init__()
            self.page = page
            self.tables = [_table(block) for block in page.blocks]
            self.add_extra_txt(page.notes)

        def __reduce__(self) -> tuple[Any, ...]:
            return render, (self.page,)

        def as_text(self) -> str:
            return self.page.text()

        def as_html(self) -> str:
            page = self.page.map(html.escape)
            tables = [_table(block).as_html() for block in page.blocks]
            notes = [f"<p>{note}</p>" for note in page.notes]
            return "\n".join([f"<p><b>{page.title}</b></p>", *tables, *notes])

        def as_latex(self) -> str:
            page = self.page.map(_latex)
            parts = [page.title]
            for block in page.blocks:
                # The title of a table ends up in a comment, which a line break would end.
                parts += [block.title, _table(block._replace(title="")).as_latex_tabular()]
            return "\n\n".join(part for part in [*parts, *page.notes] if part)

        def as_csv(self) -> str:
            page = self.page
            tables = (_table(block).as_csv() for block in page.blocks)
            return "\n".join([page.title, *tables, *page.notes])

    return PageSummary


def _table(block: Block) -> Any:
    from statsmodels.iolib.table import SimpleTable

    stubs = [row[0] for row in block.rows]
    cells = [list(row[1:]) for row in block.rows]
    headings = list(block.headings[1:]) or None
    # Texts come escaped, which must not happen twice.
    latex = {"replacements": {}, "data_aligns": "r", "header_align": "r", "empty_align": "l"}
    return SimpleTable(cells, headings, stubs, title=block.title, ltx_fmt=latex)


def _widths(blocks: Sequence[Block]) -> list[int]:
    """Widths common to all tables; the first column takes what the others leave."""
    rows = [row for b in blocks for row in (b.headings, *b.rows)]
    columns = list(zip(*rows, strict=True))
    others = [max(_LEAST, *map(len, column)) for column in columns[1:]]
    left = WIDTH - sum(others) - len(others)
    first = max((len(text) for text in columns[0]), default=0) if columns else 0
    return [max(_LEAST, min(first, left)), *others]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first = _shortened(row[0], widths[0]).ljust(widths[0])
    return " ".join([first, *(text.rjust(w) for text, w in zip(row[1:], widths[1:], strict=True))])


def _words(rows: Sequence[Sequence[str]]) -> list[str]:
    """Names and their values, one or two of each in a line; a single value may take several."""
    key = max(len(row[0]) for row in rows) + 2
    if len(rows[0]) == 2:
        return [
            line
            for row in rows
            for line in textwrap.wrap(
                row[1], WIDTH, initial_indent=row[0].ljust(key), subsequent_indent=" " * key
            )
        ]
    half = WIDTH // 2
    return [
        (a.ljust(key) + b).ljust(half) + (c.ljust(max(len(r[2]) for r in rows) + 2) + d)
        for a, b, c, d in rows
    ]


def _shortened(text: str, width: int) -> str:
    if len(text) <= width:
        return text
    tail = (width - 3) // 2
    return f"{text[: width - 3 - tail]}...{text[len(text) - tail :]}"


def _latex(text: str) -> str:
    return "".join(_LATEX.get(c, c) for c in text)
