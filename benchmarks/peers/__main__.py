"""Fit the same data with mixexp and with every other package that is installed, and compare.

``python -m benchmarks.peers --install`` builds the environments of Python packages first.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks import record
from benchmarks.peers import compare, environments, page, results, table
from benchmarks.peers.cases import problems
from benchmarks.peers.compare import Row
from benchmarks.peers.packages import PACKAGES, Package

# Seconds for one fit, and how often it is repeated where it takes less than half of that.
LIMIT, QUICK_LIMIT = 15.0, 3.0
REPEATS = 3


def main(arguments: Sequence[str] | None = None) -> Path | None:
    """Compare, print, write; returns the file that was written, None for some packages only."""
    options = _parser().parse_args(arguments)
    if options.render:
        return _render(options.output)
    if options.install:
        environments.install(options.newer_python)
    limit = options.limit or (QUICK_LIMIT if options.quick else LIMIT)
    chosen = tuple(p for p in PACKAGES if not options.only or p.name in options.only)
    rows = _rows(chosen, options.quick, limit)
    print(f"\n{table.render(rows)}\n")
    if options.only:
        return None
    path = results.write(results.document(rows, quick=options.quick, limit=limit), options.output)
    print(f"written: {path.name}")
    if not options.quick and options.output == record.RESULTS:
        _render(options.output)
    return path


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small data only, about a minute")
    parser.add_argument("--install", action="store_true", help="build missing environments first")
    parser.add_argument("--newer-python", help="a Python >= 3.12 for packages that need one")
    names = [package.name for package in PACKAGES]
    parser.add_argument("--only", nargs="+", choices=names, help="these packages, nothing written")
    parser.add_argument("--limit", type=float, help="seconds for one fit")
    parser.add_argument("--render", action="store_true", help="the page anew from the last run")
    parser.add_argument(
        "--output", type=Path, default=record.RESULTS, help="folder of the recorded runs"
    )
    return parser


def _rows(packages: tuple[Package, ...], quick: bool, limit: float) -> list[Row]:
    found: list[Row] = []
    for problem in problems(quick):
        print(problem.name, flush=True)
        for row in compare.rows(problem, packages, limit=limit, repeats=REPEATS):
            found.append(row)
            print(
                f"  {row.package}: {table.ended(row)}; mixexp to the same: {table.same(row)}",
                flush=True,
            )
    return found


def _render(folder: Path) -> Path:
    run = results.newest(folder)
    if run is None:
        raise SystemExit(f"no recorded comparison in {folder.name}; run python -m benchmarks.peers")
    page.PAGE.write_text(page.render(run), "utf-8")
    print(f"written: {page.PAGE.name}")
    return page.PAGE


if __name__ == "__main__":
    main()
