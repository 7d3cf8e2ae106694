"""Draw baselines anew: ``python -m tests.plotting.regenerate [name ...]``; then look at them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.plotting.figures import FIGURES, drawn, save

BASELINE = Path(__file__).parent / "baseline"
TEXTS = BASELINE / "texts.json"


def texts(figure: Any) -> list[str]:
    """Labels, titles, legends and notes of all panels; not the numbers at the ticks."""
    found = []
    for axes in figure.axes:
        legend = axes.get_legend()
        entries = [] if legend is None else [text.get_text() for text in legend.get_texts()]
        notes = [text.get_text() for text in axes.texts]
        found += [axes.get_title(), axes.get_xlabel(), axes.get_ylabel(), *entries, *notes]
    return [text for text in found if text]


def main(names: list[str]) -> None:
    """Write the baselines of these names, or all of them, and drop those of no figure."""
    known = json.loads(TEXTS.read_text("utf-8")) if TEXTS.exists() else {}
    for name in names or FIGURES:
        with drawn(name) as figure:
            save(figure, BASELINE / f"{name}.png")
            known[name] = texts(figure)
        print(BASELINE / f"{name}.png")
    for path in BASELINE.glob("*.png"):
        if path.stem not in FIGURES:
            path.unlink()
    kept = {name: known[name] for name in FIGURES}
    TEXTS.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
