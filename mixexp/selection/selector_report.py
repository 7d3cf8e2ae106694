"""A selection in words: what was selected, by what, and what to doubt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mixexp.selection.refit import ON_FLOOR
from mixexp.selection.selector_rules import Choice
from mixexp.selection.selector_table import FAILED, NO_LIKELIHOOD, NOT_CERTIFIED, RISES

if TYPE_CHECKING:
    from pandas import DataFrame

_HIDDEN = ("likelihood", "findings", "error", "selected", "seconds")


def findings_of(
    table: DataFrame, labels: Sequence[str], choice: Choice, chains: Sequence[Sequence[int]]
) -> tuple[str, ...]:
    """What makes a selection doubtful, in words.

    Parameters
    ----------
    table : DataFrame
        The table of the selection.
    labels : sequence of str
    choice : Choice
    chains : sequence of sequences of int
        Positions of nested candidates, smallest first.
    """
    best = choice.best
    flags = [set(text.split(", ")) for text in table["flags"]]
    findings = []
    if NOT_CERTIFIED in flags[best]:
        findings.append(
            f"the selected fit, {labels[best]}, is not a certified optimum; its criterion may be "
            "too large, or that of another fit too small"
        )
    sentences = {
        FAILED: "could not be fitted and were left out",
        NO_LIKELIHOOD: "have no finite log-likelihood and were left out",
        NOT_CERTIFIED: "are not certified optima after all restarts; their criteria may be too "
        "large",
        RISES: "have a lower log-likelihood than a model with fewer experts: an optimum was "
        "missed, set aside for a thin expert or a scale on its floor, or moved by a penalty",
        ON_FLOOR: "have a scale on its floor, which makes their likelihood; they are compared only "
        "if there are no others",
        "penalised": "maximise a penalised likelihood; criteria count all of their parameters",
    }
    for flag, sentence in sentences.items():
        marked = [label for label, own in zip(labels, flags, strict=True) if flag in own]
        if marked:
            findings.append(f"{len(marked)} of {len(labels)} fits {sentence}: {_some(marked)}")
    chain = next(chain for chain in chains if best in chain)
    if len(chain) > 1 and best == chain[-1]:
        findings.append(
            f"the selected number of experts is the largest one offered ({labels[best]}); offer "
            "more"
        )
    unknown = [i for i in range(len(labels)) if not np.isfinite(choice.values[i])]
    without = [labels[i] for i in unknown if not flags[i] & {FAILED, NO_LIKELIHOOD, ON_FLOOR}]
    if without and np.isfinite(choice.values).any():
        findings.append(f"the criterion has no finite value for {_some(without)}")
    # A slope heuristic says itself what to doubt.
    findings += _of_selection(choice.selection)
    return tuple(dict.fromkeys(findings))


def summary_of(
    labels: Sequence[str],
    best: int,
    criterion: str,
    table: DataFrame,
    selection: Any,
    findings: Sequence[str],
) -> str:
    """The selection as text."""
    contrast = {
        "conditional": "log p(y | x), dimension of the conditional law",
        "joint": "log p(x, y), dimension of the joint law",
    }
    shown = table.drop(columns=[name for name in _HIDDEN if name in table])
    lines = [
        f"selected: {labels[best]}, by {criterion} among {len(labels)} candidates",
        f"contrast: {contrast[str(table['likelihood'].iloc[best])]}",
        shown.to_string(
            float_format=lambda value: f"{value:.4g}" if abs(value) < 1 else f"{value:.2f}"
        ),
    ]
    if hasattr(selection, "summary"):
        lines.append(selection.summary())
        findings = [text for text in findings if text not in _of_selection(selection)]
    return "\n".join([*lines, *(f"note: {finding}" for finding in findings)])


def _of_selection(selection: Any) -> list[str]:
    """What a slope heuristic says itself, checks that do not hold included."""
    failed = [str(check) for check in getattr(selection, "failed", ())]
    return [*getattr(selection, "findings", ()), *failed]


def _some(names: Sequence[str], most: int = 5) -> str:
    shown = "; ".join(names[:most])
    return shown if len(names) <= most else f"{shown}; and {len(names) - most} more"
