"""What the report says about one claim."""

from __future__ import annotations

from pathlib import Path

from mixexp.simulation.claims.judging.overview import Line, Overview
from mixexp.simulation.claims.judging.results import ClaimResult
from mixexp.simulation.claims.judging.tables import predictions_of
from mixexp.simulation.claims.report.arm_words import arm_words
from mixexp.simulation.claims.report.elements import (
    Bullets,
    Cell,
    Element,
    Heading,
    Inline,
    Jump,
    Paragraph,
    Picture,
    Pieces,
    Table,
)
from mixexp.simulation.claims.report.logarithm import logarithm_words
from mixexp.simulation.claims.report.published import PUBLISHED, published_table
from mixexp.simulation.claims.report.tables import (
    arms_table,
    blocks_table,
    fits_table,
    patterns_table,
    slopes_table,
)
from mixexp.simulation.claims.report.theory_link import theory_link
from mixexp.simulation.claims.report.words import (
    DASH,
    chip,
    duration,
    exponent,
    interval,
    names,
    problem_words,
    signed,
)
from mixexp.simulation.expectation import NOT_RESOLVED, SHALLOWER, STEEPER
from mixexp.simulation.rate import STATISTIC_NAMES
from mixexp.simulation.slopes import STATISTICS

TOP = "top"


def claim_section(result: ClaimResult, found: Overview, figure: Path) -> list[Element]:
    """Everything about one claim, from its statement to its versions."""
    claim = result.claim
    lines = found.of(result)
    failures = [f"Failed, {k}: {text}" for text, k in result.report.counts.failures.items()]
    notes = [*dict.fromkeys(note for line in lines for note in line.rate.notes()), *failures]
    return [
        Heading(claim.title, 2, claim.name),
        Pieces([Jump("back to the summary", TOP)]),
        Paragraph(f"{claim.statement} ({claim.source})"),
        Bullets(problem_words(claim.problem)),
        *(Paragraph(text, "warning") for text in warnings(result)),
        Picture(figure, _figure_words(result)),
        verdict_table(result, lines),
        Bullets(notes),
        blocks_table(result),
        fits_table(result),
        patterns_table(result),
        *_other_arms(result),
        published_table(result),
        Paragraph(provenance(result), "note"),
    ]


def warnings(result: ClaimResult) -> list[str]:
    """What is missing: cells, rows, exponents."""
    texts = []
    if not result.finished:
        left = ", ".join(
            f"{cell.missing} of {cell.declared} at n = {cell.n}"
            for cell in result.cells
            if cell.missing
        )
        texts.append(
            f"Unfinished: {result.declared - result.stored} of {result.declared} declared cells "
            f"were not run ({left}). Verdicts are preliminary."
        )
    if result.outdated:
        texts.append(
            "Outdated: truth, Θ, arms or measures of this claim have been declared differently "
            "since these rows were made. Run it again."
        )
    if result.provenance.get("predictions", now := predictions_of(result.claim)) != now:
        texts.append("Predictions were changed after the first rows were exported.")
    if result.failed:
        texts.append(
            f"{result.failed} cells failed; they are counted, and missing in every number."
        )
    lacking = [
        column for column in sorted(result.claim.directions) if column not in result.exponents
    ]
    if lacking:
        texts.append(f"Deterministic exponents not computed yet: {', '.join(lacking)}.")
    return texts


def verdict_table(result: ClaimResult, lines: tuple[Line, ...]) -> Table:
    """Slopes of all summaries, theory, deterministic exponent, power and verdict."""
    others = [name for name in STATISTICS if name != result.report.statistic]
    header = (
        "quantity",
        "verdict",
        f"slope [{100 * result.report.level:g} %]",
        "theory",
        "computed r \N{RIGHTWARDS ARROW} slope",
        "last decade",
        *(f"of {STATISTIC_NAMES[name]}" for name in others),
        "detectable",
    )
    rows: list[list[Cell]] = []
    for line in lines:
        rate = line.rate
        column = rate.quantity.column
        rows.append(
            [
                [rate.quantity.label, *usable_words(line)],
                verdict_cell(line),
                interval(rate.all_sizes),
                theory_words(line),
                exponent(result.exponents.get(column)),
                interval(rate.last_decade),
                *(signed(s.estimate if (s := rate.slopes[name]) else None) for name in others),
                detectable_words(line),
            ]
        )
    return Table("Verdicts", header, rows)


def verdict_cell(line: Line) -> list[Inline]:
    """The verdict, what becomes of it with correction, and where a derivation stands."""
    cell: list[Inline] = [chip(line.found.verdict)]
    if line.found.corrected != line.found.verdict:
        cell.append(f"not after correction for {line.found.comparisons}")
    if line.found.verdict == SHALLOWER:
        cell += logarithm_words(line.rate.all_sizes, line.rate.quantity.expectation)
    later = line.rate.verdict_last_decade
    if later not in (line.found.verdict, NOT_RESOLVED):
        cell.append(f"last decade: {later}")
    derivation = line.rate.quantity.expectation.derivation
    if line.found.verdict == STEEPER and derivation:
        cell.append(theory_link(derivation))
    return cell


def usable_words(line: Line) -> list[str]:
    """How many fits have a usable error, unless all have: those of a cell that is not always split.

    What is true of such fits alone is conditional on them.
    """
    usable = sum(len(values) for values in line.rate.errors.by_size.values())
    fits = int(line.result.fits["fits"].sum())
    return [f"of {usable} of {fits} fits"] if usable < fits else []


def theory_words(line: Line) -> list[str]:
    """The predicted exponent, and its kind below unless it is an upper bound that was read."""
    exponent_, _, kind = str(line.rate.quantity.expectation).partition(" ")
    return [exponent_, *([kind] if kind else [])]


def detectable_words(line: Line) -> list[str]:
    """The nearest exponents that would have been told from theory."""
    able = line.rate.detectable
    if able is None:
        return [DASH]
    return [
        f"\N{LESS-THAN OR EQUAL TO} {signed(able.steeper)}",
        f"\N{GREATER-THAN OR EQUAL TO} {signed(able.shallower)}",
    ]


def provenance(result: ClaimResult) -> str:
    """Time, level, seeds and versions."""
    said = dict(result.provenance)
    day = said.pop("date", None)
    said.pop("predictions", None)
    if result.versions:
        said["mixexp"] = names(result.versions)
    versions = names([f"{name} {number}" for name, number in said.items()])
    parts = [
        f"{result.stored} of {result.declared} cells of the {result.level} study, "
        f"{duration(result.seconds)} of one core in all",
        f"random numbers of a cell keyed by (claim, n, replicate): {result.claim.name}:n:replicate",
        f"data of {day}" if day else "day of the data not recorded",
        f"computed with {versions}" if versions else "versions not recorded",
    ]
    return "; ".join(parts)[0].upper() + "; ".join(parts)[1:] + "."


def _other_arms(result: ClaimResult) -> list[Element]:
    """The other arms in tables; of a claim with one arm, that there are none."""
    if len(result.claim.arms) > 1:
        return [arms_table(result), slopes_table(result)]
    text = (
        "One arm: no comparison with other starts; the gain over the truth's likelihood is in the "
        "table of fits."
    )
    return [Paragraph(text)]


def _figure_words(result: ClaimResult) -> str:
    text = (
        f"Errors from {arm_words(result.claim.arms[0])}, against n: points are replicates, bars "
        "their 10 % to 90 % range, dots geometric means; the solid line is the fit, dashed lines "
        "are theory, through the centre of the fit."
    )
    if len(result.claim.arms) > 1:
        text += " Open marks: other arms, where their geometric means differ by a tenth or more."
    if result.claim.published:
        text += f" Band: {PUBLISHED}, 5 % to 95 % of replicates, with their median."
    return text
