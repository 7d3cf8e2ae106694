"""The report of claims from their exported tables."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from experiments.folders import store_path
from experiments.running import refresh
from mixexp.simulation.claims.claim import Claim, Level
from mixexp.simulation.claims.judging.evaluate import judge
from mixexp.simulation.claims.judging.overview import Line, overview
from mixexp.simulation.claims.judging.results import ClaimResult
from mixexp.simulation.claims.judging.tables import read_exponents, read_frame
from mixexp.simulation.claims.report import write_report
from mixexp.simulation.claims.report.outcome import exclusion_words
from mixexp.simulation.claims.report.words import interval
from mixexp.simulation.text import aligned_table

ROOT = Path(__file__).parents[1]


def report_claims(
    claims: Sequence[Claim],
    level: Level,
    folder: Path,
    target: Path,
    chosen: Sequence[Claim] | None = None,
) -> str:
    """Write ``report.html`` and ``report.md`` into `target`; the summary of the chosen as text."""
    results = [result_of(claim, level, folder) for claim in claims]
    # Links of the pages lead to the documentation of this checkout.
    written = write_report(results, target, root=os.path.relpath(ROOT, target))
    found = overview(results)
    shown = {claim.name for claim in (claims if chosen is None else chosen)}
    rows = [
        (
            line.result.claim.name,
            line.rate.quantity.label,
            " ".join(interval(line.rate.all_sizes, 3)),
            str(line.rate.quantity.expectation),
            _verdict(line),
        )
        for line in found.lines
        if line.result.claim.name in shown
    ]
    header = ("claim", "quantity", "slope [95 %]", "theory", "verdict after correction")
    table = aligned_table(header, rows)
    counts = ", ".join(f"{count} {verdict!r}" for verdict, count in found.tally().items())
    counts += f" after correction for {found.comparisons}"
    if alone := exclusion_words(found.lines):
        counts += f"\n{alone}"
    done = f"{sum(r.stored for r in results)} of {sum(r.declared for r in results)} cells"
    return f"{table}\n\n{done}; {counts}\nreport: {written.html}\n        {written.markdown}"


def has_results(claim: Claim, folder: Path) -> bool:
    """Whether a folder holds a store or a table of the claim."""
    return store_path(folder, claim).exists() or len(read_frame(claim, folder)) > 0


def result_of(claim: Claim, level: Level, folder: Path) -> ClaimResult:
    """A claim judged from its exported table, brought up to date if its store is there."""
    refresh(claim, folder)
    return judge(claim, read_frame(claim, folder), read_exponents(claim, folder), level=level)


def _verdict(line: Line) -> str:
    """The corrected verdict, and the one at 95 % where it is another."""
    end = f" (at 95 % alone: {line.found.verdict})" if line.uncorrected_only else ""
    return line.found.corrected + end
