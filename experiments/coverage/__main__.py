"""Coverage of the intervals of every block of parameters. Resumable; run with::

python -m experiments.coverage [--quick]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.coverage.laws import LAWS
from experiments.coverage.report import render
from experiments.coverage.study import coverage_study
from mixexp.simulation import ResultStore, run

if TYPE_CHECKING:
    import pandas as pd

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "experiments" / "results"
SIZES = (500, 5000)


def run_all(
    folder: Path,
    laws: Sequence[str] = tuple(LAWS),
    *,
    sizes: tuple[int, ...] = SIZES,
    replicates: int = 500,
    jobs: int = 2,
) -> dict[str, pd.DataFrame]:
    """The table of each law, by its name."""
    folder.mkdir(parents=True, exist_ok=True)
    frames = {}
    with ResultStore(folder / "coverage.sqlite") as store:
        for name in laws:
            frames[name] = run(coverage_study(name, sizes, replicates), store, n_jobs=jobs)
    return frames


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the study and write its table."""
    parser = argparse.ArgumentParser(prog="python -m experiments.coverage", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 replicates, in build/coverage")
    parser.add_argument("--jobs", type=int, default=2, help="worker processes (default: 2)")
    options = parser.parse_args(arguments)
    folder = ROOT / "build" / "coverage" if options.quick else RESULTS
    frames = run_all(folder, replicates=20 if options.quick else 500, jobs=options.jobs)
    text = render(frames)
    (folder / "coverage.md").write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
