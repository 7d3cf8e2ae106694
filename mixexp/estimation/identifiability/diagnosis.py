"""What a diagnosis holds: findings, the information, and conditions of independence."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import Any

from mixexp.estimation.identifiability.independence import Independence
from mixexp.estimation.identifiability.information import Information


@dataclass(frozen=True)
class Finding:
    """One thing that is not, or only weakly, identified.

    Attributes
    ----------
    key : str
        Short name, such as ``"rank"`` or ``"common-factor"``.
    message : str
        What it means and what to do about it.
    evidence : dict
        The numbers behind it.
    reference : str
        Where it comes from.
    severity : str
        ``"not identified"``, ``"weak"``, or ``"note"`` for what does not touch the law at hand.
    """

    key: str
    message: str
    evidence: dict[str, Any] = field(default_factory=dict)
    reference: str = ""
    severity: str = "not identified"


@dataclass(frozen=True)
class Diagnosis:
    """Findings about a model at given parameters on a design, worst first.

    Attributes
    ----------
    findings : tuple of Finding
    information : Information
        Rank, singular values and null directions of the expected information.
    independence : tuple of Independence
        The conditions on families of functions that apply to the model.
    """

    findings: tuple[Finding, ...]
    information: Information
    independence: tuple[Independence, ...]

    @property
    def identified(self) -> bool:
        """Whether nothing was found that is not identified."""
        return all(f.severity != "not identified" for f in self.findings)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the findings, each once."""
        return tuple(dict.fromkeys(f.key for f in self.findings))

    def summary(self) -> str:
        """The diagnosis as text."""
        info = self.information
        size = info.scaled[info.rank - 1] / info.scaled[0] if info.rank else 0.0
        lines = [
            "identified: " + ("yes, as far as these checks reach" if self.identified else "NO"),
            f"expected information, on this design and to rounding: rank {info.rank} of "
            f"{len(info.names)} parameters; the singular values of its scaled root that count end "
            f"at {size:.1e} of the largest",
            "up to: labels of the experts, and the conventions about translation and splitting "
            "(last expert as the reference; weights of copies add up), which change no law",
        ]
        lines += [f"[{f.severity}] {f.key}: {f.message}" for f in self.findings]
        if self.independence:
            lines.append("independence of function families, on this design:")
            lines += [f"- {'holds' if i.holds else 'FAILS'}: {i}" for i in self.independence]
        return "\n".join(wrapped(line) for line in lines)

    def __str__(self) -> str:
        return self.summary()


def wrapped(line: str) -> str:
    """A long line as several, those after the first indented."""
    return textwrap.fill(
        line, 100, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
