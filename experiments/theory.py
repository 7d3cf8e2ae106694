"""The theory, checked without simulation: exponents, counterexamples, polynomial systems, truths.

Prints what every claim in docs/theory.md rests on: the exponents of every smooth model beside what
the literature says, with a verdict; laws that several parameters share, with the difference of
density they leave; the orders r-bar(m) of the polynomial systems. Run with::

    python -m experiments.theory
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mixexp.estimation.identifiability import counterexamples
from mixexp.simulation import aligned_table, markdown_table, plot_exponents
from mixexp.theory import LocalExponents, Split, describe_all, r_bar_table
from mixexp.theory.exponents.table import Verdict, exponent_table
from mixexp.theory.truths.named import TRUTHS

RESULTS = Path(__file__).parent / "results"
PANELS = {
    "crossing": "softmax, Gaussian experts",
    "multinomial": "softmax, three classes",
    "multinomial-constant": "softmax, three classes,\none expert constant",
    "activation": "tanh and temperature,\nGaussian experts",
}


class Section(NamedTuple):
    """A table with a heading and a sentence."""

    title: str
    text: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    seconds: float

    def render(self, table: Callable[..., str], heading: str) -> str:
        """The section with its table made by ``table``."""
        words = f"{self.text} ({self.seconds:.0f} s)"
        return f"{heading}{self.title}\n\n{words}\n\n{table(self.header, self.rows)}\n"


def timed(make: Callable[[], Section]) -> Section:
    """A section with the time it took."""
    start = time.perf_counter()
    return make()._replace(seconds=time.perf_counter() - start)


def exponents(verdicts: list[Verdict]) -> Section:
    """Computed exponents beside theory; fills ``verdicts`` as they come."""
    rows = []
    for found in exponent_table():
        verdicts.append(found)
        row = found.row()
        rows.append(
            (
                row["truth"], row["direction"],
                "flat" if found.found.flat else f"{row['computed']:.2f} ± {row['half_width']:.2f}",
                "" if found.prediction is None else _exponent(row["theory"]),
                row["status"], row["verdict"],
            )
        )  # fmt: skip
        print(f"  {found.check.truth}: {found.found}", flush=True)
    return Section(
        "Exponents",
        "The Hellinger distance of the joint law of (x, y) falls like epsilon to this power when "
        "one entry is held at epsilon and everything else is fitted; an exponent r means errors "
        "of order n^(-1/(2r)). Rectifiers, and top-K gates of more than one covariate, are left "
        "out: a boundary that moves there passes the points of the quadrature.",
        ("truth", "direction", "computed", "theory", "status of the theory", "verdict"),
        rows, 0.0,
    )  # fmt: skip


def identifiability() -> Section:
    """Laws that several parameters share."""
    rows = [(c.key, f"{c.difference:.1e}", c.statement) for c in counterexamples()]
    return Section(
        "Laws that several parameters share",
        "The largest relative difference of the two densities over a design and the responses.",
        ("invariance", "difference", "statement"), rows, 0.0,
    )  # fmt: skip


def polynomial_systems() -> Section:
    """The orders r-bar(m)."""
    rows = []
    for found in r_bar_table():
        residual = "" if found.residual is None else f"{found.residual:.2g}"
        rows.append((found.statement, found.status, found.method, residual, f"{found.seconds:.1f}"))
    return Section(
        "Orders of the polynomial systems",
        "r-bar(m) is the smallest order at which the system of m atoms has no non-trivial "
        "solution.",
        ("statement", "status", "method", "smallest residual", "seconds"), rows, 0.0,
    )  # fmt: skip


def truths() -> Section:
    """How easy the named truths are."""
    table = describe_all(TRUTHS.values()).drop(columns="source")
    rows = [[_cell(value) for value in row] for row in table.itertuples(index=False)]
    return Section(
        "Truths",
        "Average weights; smallest Hellinger distance of two experts; probability that the best "
        "guess of an expert is wrong; smallest eigenvalue of the information of one observation; "
        "largest asymptotic standard error times the square root of n.",
        list(table.columns), rows, 0.0,
    )  # fmt: skip


def _exponent(value: float) -> str:
    return "none" if np.isinf(value) else f"{value:g}"


def _cell(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def figure(verdicts: Sequence[Verdict], path: Path) -> None:
    """Distances of the splits in two, one panel a truth."""
    panels: dict[str, list[LocalExponents]] = {title: [] for title in PANELS.values()}
    for verdict in verdicts:
        title = PANELS.get(verdict.check.truth)
        direction = verdict.check.direction
        two = isinstance(direction, Split) and direction.copies == 2
        shown = two or verdict.check.truth == "multinomial-constant"
        if title and shown and verdict.found not in panels[title]:
            panels[title].append(verdict.found)
    plot_exponents(panels, path, title="How fast the density follows the parameters")


def main() -> None:
    """Compute every table, print it, write results/theory.md and its figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    start = time.perf_counter()
    verdicts: list[Verdict] = []
    print("computing exponents", flush=True)
    sections = [timed(lambda: exponents(verdicts))]
    for name, make in (
        ("counterexamples", identifiability),
        ("polynomial systems", polynomial_systems),
        ("truths", truths),
    ):
        print(f"computing {name}", flush=True)
        sections.append(timed(make))
    for section in sections:
        print("\n" + section.render(aligned_table, ""))
    chosen.results.mkdir(parents=True, exist_ok=True)
    body = "\n".join(section.render(markdown_table, "## ") for section in sections)
    (chosen.results / "theory.md").write_text(f"# The theory, checked\n\n{body}", "utf-8")
    figure(verdicts, chosen.results / "theory.png")
    print(f"{time.perf_counter() - start:.0f} s; results in {chosen.results}/theory.{{md,png}}")


if __name__ == "__main__":
    main()
