"""Write the report into a folder."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mixexp.simulation.claims.judging.overview import overview
from mixexp.simulation.claims.judging.results import ClaimResult
from mixexp.simulation.claims.report.elements import Element
from mixexp.simulation.claims.report.figure import save_claim_figure
from mixexp.simulation.claims.report.html import html_page
from mixexp.simulation.claims.report.markdown import markdown_page
from mixexp.simulation.claims.report.sections import claim_section
from mixexp.simulation.claims.report.top import TITLE, top


class Written(NamedTuple):
    """The files of a report."""

    html: Path
    markdown: Path
    figures: tuple[Path, ...]


def write_report(
    results: Sequence[ClaimResult],
    folder: str | os.PathLike[str],
    meta: Mapping[str, str] | None = None,
    *,
    root: str = "../..",
) -> Written:
    """``report.html``, one page with everything in it, and ``report.md`` with ``figures/*.png``.

    Made from results alone: equal results give equal files.

    Parameters
    ----------
    results : sequence of ClaimResult
        In the order in which they are shown.
    folder : path
        Made if missing.
    meta : mapping from str to str, optional
        More to say at the top, such as the machine: names to values.
    root : str
        Where the root of the repository is, seen from `folder`, for links to ``docs``.

    Returns
    -------
    Written
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    found = overview(results)
    elements: list[Element] = top(results, found, meta or {})
    figures = []
    for result in results:
        path = target / "figures" / f"{result.claim.name}.png"
        figures.append(save_claim_figure(result, path))
        elements += claim_section(result, found, path)
    html, markdown = target / "report.html", target / "report.md"
    html.write_text(html_page(TITLE, elements, root), encoding="utf-8")
    markdown.write_text(markdown_page(elements, target, root), encoding="utf-8")
    return Written(html, markdown, tuple(figures))
