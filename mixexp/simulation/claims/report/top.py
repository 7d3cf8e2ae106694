"""What stands above the claims: the question, the answer at a glance, the method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mixexp.simulation.claims.claim import LEVELS
from mixexp.simulation.claims.judging.overview import Line, Overview
from mixexp.simulation.claims.judging.results import ClaimResult
from mixexp.simulation.claims.report.elements import (
    Bullets,
    Cell,
    Element,
    Folded,
    Heading,
    Jump,
    Paragraph,
    Pieces,
    Table,
)
from mixexp.simulation.claims.report.groups import Group, groups
from mixexp.simulation.claims.report.method import method
from mixexp.simulation.claims.report.outcome import SHOWN, exclusion_words, outcome
from mixexp.simulation.claims.report.sections import (
    TOP,
    detectable_words,
    theory_words,
    verdict_cell,
)
from mixexp.simulation.claims.report.words import (
    chip,
    counted,
    duration,
    exponent,
    interval,
    names,
)

TITLE = "Convergence rates of mixtures of experts, checked by simulation"
QUESTION = (
    "How fast do the parameters of a mixture of experts converge when it is fitted by maximum "
    "likelihood, and do the published theorems and the derivations of this project say so rightly? "
    "Every claim declares in a file of its own, before its study, truth, model, parameter space, "
    "sample sizes, time and predicted exponents."
)
ALL = "all-quantities"


def top(results: Sequence[ClaimResult], found: Overview, meta: Mapping[str, str]) -> list[Element]:
    """Title, what came out, summary with links, method, and one line a quantity."""
    papers = groups(results)
    elements: list[Element] = [Heading(TITLE, 1, TOP), Paragraph(QUESTION, "lead")]
    if total := len(found.lines):
        tally = found.tally()
        chips = [chip(v, f"{tally[v]} {v}") for v in SHOWN if v in tally]
        asked = f"{counted(total, 'comparison')} of {counted(len(results), 'claim')}:"
        elements.append(Pieces([asked, *chips]))
        elements.append(Paragraph(_corrected_words(found), "note"))
    elements += [
        Bullets([outcome(group, found) for group in papers]),
        *(Paragraph(text, "warning") for text in _unfinished(results)),
        _summary(papers, found),
        Paragraph(_origin(results), "note"),
    ]
    if meta:
        said = "; ".join(f"{name}: {value}" for name, value in meta.items())
        elements.append(Paragraph(f"{said}.", "note"))
    elements += [Heading("Method", 2, "method"), Bullets(method(found.comparisons))]
    elements.append(Heading("All quantities", 2, ALL))
    for group in papers:
        elements.append(Heading(group.title, 3, group.anchor))
        lines = [line for result in group.results for line in found.of(result)]
        text = f"{counted(len(lines), 'comparison')} of {counted(len(group.results), 'claim')}"
        elements.append(Folded(text, quantities_table(lines)))
    return elements


def quantities_table(lines: Sequence[Line]) -> Table:
    """One line a quantity, below the name of its claim."""
    rows: list[list[Cell]] = []
    previous = None
    for line in lines:
        claim, quantity = line.result.claim, line.rate.quantity
        computed = line.result.exponents.get(quantity.column)
        rows.append(
            [
                "" if claim.name == previous else Jump(claim.name, claim.name),
                quantity.label,
                verdict_cell(line),
                interval(line.rate.all_sizes),
                theory_words(line),
                exponent(computed),
                detectable_words(line),
            ]
        )
        previous = claim.name
    header = (
        "claim", "quantity", "verdict", "slope [95 %]", "theory",
        "computed r \N{RIGHTWARDS ARROW} slope", "detectable",
    )  # fmt: skip
    return Table("", header, rows)


def _summary(papers: Sequence[Group], found: Overview) -> Table:
    rows: list[list[Cell] | str] = []
    for group in papers:
        rows.append(group.title)
        for result in group.results:
            state = "" if result.finished else ", unfinished" if result.stored else ", not run"
            tally = found.tally(result)
            counts = [chip(v, str(tally[v])) if v in tally else "" for v in SHOWN]
            cells = f"{result.stored} of {result.declared}{state}"
            rows.append([Jump(result.claim.title, result.claim.name), *counts, cells])
    caption = "Slopes of every claim compared with theory, by verdict after correction"
    return Table(caption, ("claim", *SHOWN, "cells run"), rows)


def _corrected_words(found: Overview) -> str:
    """What the counts of verdicts are corrected for, and what they were without."""
    text = f"Counted after Bonferroni's correction for {counted(found.comparisons, 'comparison')}"
    alone = exclusion_words(found.lines)
    return f"{text} with a finite exponent{f': {alone}' if alone else ''}."


def _unfinished(results: Sequence[ClaimResult]) -> list[str]:
    left = [result.claim.name for result in results if not result.finished]
    if not left:
        return []
    return [
        f"Unfinished: cells of {len(left)} of {counted(len(results), 'claim')} were not run "
        f"({', '.join(left)}). Their verdicts are preliminary."
    ]


def _origin(results: Sequence[ClaimResult]) -> str:
    """Levels, time, and the versions that made the rows."""
    if not results:
        return "No claim was given."
    levels = dict.fromkeys(result.level for result in results)
    said = [f"{level} ({100 * LEVELS[level]:.0f} % of the declared time)" for level in levels]
    text = f"Level: {names(said)}. {duration(sum(r.seconds for r in results))} of one core in all."
    made = sorted({version for result in results for version in result.versions})
    return f"{text} Computed with mixexp {names(made)}." if made else text
