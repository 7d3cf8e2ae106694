"""What came out of the claims about a paper, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from mixexp.simulation.claims.judging.overview import Line, Overview, exclusions
from mixexp.simulation.claims.report.elements import Inline, Jump
from mixexp.simulation.claims.report.groups import Group
from mixexp.simulation.claims.report.logarithm import within_logarithm
from mixexp.simulation.claims.report.words import DASH, counted, names
from mixexp.simulation.expectation import AGREES, NO_VERDICT, NOT_RESOLVED, SHALLOWER, STEEPER

SHOWN = (AGREES, STEEPER, NOT_RESOLVED, SHALLOWER, NO_VERDICT)
"""Verdicts in the order in which they are counted."""

# Of one comparison, and of several.
_PHRASES = {
    AGREES: ("agrees", "agree"),
    STEEPER: ("is steeper than the bound", "are steeper than the bound"),
    NOT_RESOLVED: ("is not resolved at these sizes", "are not resolved at these sizes"),
    SHALLOWER: ("is shallower than predicted", "are shallower than predicted"),
    NO_VERDICT: ("has no finite exponent", "have no finite exponent"),
}
_EXCLUDES = {SHALLOWER: ("contradicts", "contradict"), STEEPER: ("is steeper", "are steeper")}


def outcome(group: Group, found: Overview) -> list[Inline]:
    """One sentence on a paper, from its corrected verdicts, and links to contradictions.

    Contradictions that the correction takes back are listed behind the others, as such.
    """
    lines = [line for result in group.results for line in found.of(result)]
    verdicts = [line.found.corrected for line in lines]
    said = [
        f"{count} {_PHRASES[verdict][count > 1]}"
        for verdict in SHOWN
        if (count := verdicts.count(verdict))
    ]
    derived = sum(
        line.found.corrected == STEEPER and bool(line.rate.quantity.expectation.derivation)
        for line in lines
    )
    text = f"{DASH} {counted(len(lines), 'comparison')}: {names(said)}."
    if derived:
        text += f" Of the steeper ones {derived} {'is' if derived == 1 else 'are'} derived."
    if any(line.uncorrected_only for line in lines):
        text += f" {exclusion_words(lines)}."
    shallower = [line for line in lines if line.found.verdict == SHALLOWER]
    kept = [line for line in shallower if not line.uncorrected_only]
    weak = [line for line in shallower if line.uncorrected_only]
    return [
        Jump(group.title, group.anchor),
        text,
        *_links("Shallower:", kept),
        *_links("Shallower at 95 % alone:", weak),
    ]


def exclusion_words(lines: Sequence[Line]) -> str:
    """How many exponents are excluded at 95 %, and how many of them after correction.

    Empty if there are none, otherwise such as "2 contradict at 95 % alone, of which 0 after
    correction".
    """
    return "; ".join(
        f"{count.at_95} {_EXCLUDES[verdict][count.at_95 > 1]} at 95 % alone, "
        f"of which {count.corrected} after correction"
        for verdict, count in exclusions(lines).items()
    )


def _links(text: str, lines: Sequence[Line]) -> list[Inline]:
    pieces: list[Inline] = []
    for line in lines:
        name, quantity = line.result.claim.name, line.rate.quantity
        inside = within_logarithm(line.rate.all_sizes, quantity.expectation)
        end = ", within the logarithm of the bound" if inside else ""
        pieces += [
            "\N{MIDDLE DOT}" if pieces else text,
            Jump(f"{quantity.label} ({name}{end})", name),
        ]
    return pieces
