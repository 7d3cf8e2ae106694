"""Tables as aligned plain text or Markdown."""

from __future__ import annotations

from collections.abc import Sequence


def aligned_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: int = 0) -> str:
    """A table with columns padded to a common width and a rule under the header.

    Parameters
    ----------
    header : sequence of str
        Names of the columns.
    rows : sequence of sequences of str
        Cells.
    right : int
        Number of columns, counted from the last, that are aligned to the right.

    Examples
    --------
    >>> print(aligned_table(["name", "n"], [["a", "10"], ["bc", "5"]], right=1))
    name   n
    ----  --
    a     10
    bc     5
    """
    table = [list(header), *map(list, rows)]
    widths = [max(len(row[j]) for row in table) for j in range(len(header))]
    table.insert(1, ["-" * width for width in widths])
    first_right = len(header) - right
    lines = []
    for row in table:
        cells = [
            cell.rjust(width) if j >= first_right else cell.ljust(width)
            for j, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: int = 0) -> str:
    """The same table in Markdown.

    Examples
    --------
    >>> print(markdown_table(["name", "n"], [["a|b", "10"]], right=1))
    | name | n |
    | --- | ---: |
    | a\\|b | 10 |
    """
    rule = ["---"] * (len(header) - right) + ["---:"] * right
    lines = [
        rule if row is None else [cell.replace("|", "\\|") for cell in row]
        for row in (header, None, *rows)
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
