"""Run the benchmarks, record what they measured, and fail where a ratio got worse since then."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from benchmarks import (
    baseline,
    breakdown,
    evaluations,
    gllim,
    growth,
    guard,
    memory,
    out_of_core,
    parts,
    passes,
    record,
    small,
    sparse,
    startup,
    table,
    threads,
)
from benchmarks.measurement import Benchmark, Measurement
from benchmarks.record import Results

BENCHMARKS: dict[str, Benchmark] = {
    "passes": passes,
    "breakdown": breakdown,
    "small": small,
    "threads": threads,
    "parts": parts,
    "sparse": sparse,
    "gllim": gllim,
    "baseline": baseline,
    "evaluations": evaluations,
    "growth": growth,
    "memory": memory,
    "out_of_core": out_of_core,
    "startup": startup,
}

# Ratios that a busy machine hardly moves, in two minutes at most in their quick form: what
# continuous integration compares.
STABLE = ("passes", "sparse")


def run_one(name: str, quick: bool) -> list[Measurement]:
    """The measurements of one benchmark, shown as they come."""
    start = time.perf_counter()
    print(f"{name}: {BENCHMARKS[name].__doc__.splitlines()[0]}", flush=True)
    found = []
    for measurement in BENCHMARKS[name].measure(quick):
        found.append(measurement)
        value = table.number(measurement.value)
        print(f"  {measurement.name}: {value} {measurement.unit}", flush=True)
    print(f"  ({time.perf_counter() - start:.0f} s)", flush=True)
    return found


def run_all(
    names: Iterable[str], measure: Callable[[str], list[Measurement]]
) -> tuple[Results, list[str]]:
    """What each benchmark measured, and those that raised: an error must not cost the others."""
    results, broken = {}, []
    for name in names:
        try:
            results[name] = measure(name)
        except Exception:
            traceback.print_exc()
            broken.append(name)
    return results, broken


def options_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller sizes, fewer repeats")
    some = parser.add_mutually_exclusive_group()
    some.add_argument("--only", nargs="+", choices=BENCHMARKS, default=[], help="run only these")
    some.add_argument("--stable", action="store_true", help=f"run only {', '.join(STABLE)}")
    parser.add_argument(
        "--output", type=Path, default=record.RESULTS, help="folder of the recorded runs"
    )
    parser.add_argument(
        "--tolerance", type=float, default=0.25, metavar="LOSS",
        help="fail where a ratio got worse by more than this part (default: 0.25)",
    )  # fmt: skip
    parser.add_argument("--accept", action="store_true", help="record a run although it lost")
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, compare with the last run, write, print; 1 if a ratio got worse or one broke, else 0."""
    options = options_of(arguments)
    chosen = STABLE if options.stable else options.only
    last = record.last_values(options.output, quick=options.quick)
    measure = partial(run_one, quick=options.quick)
    results, broken = run_all(chosen or BENCHMARKS, measure)
    results, lost = guard.settled(results, last, options.tolerance, measure)
    rejected = bool(lost) and not options.accept
    print(f"\n{table.render(results, last)}\n")
    if changes := guard.report(lost, results, last):
        print(f"{changes}\n")
    if not any(name in results for name, _ in last):
        print(
            "no recorded run of these benchmarks on this kind of machine: nothing to compare with"
        )
    if not options.check:
        run = record.document(results, quick=options.quick, rejected=rejected)
        part = ["stable"] if options.stable else options.only
        print(f"written: {record.write(run, options.output, part).name}")
    if rejected:
        print(f"FAILED: {len(lost)} ratios got worse; if that is meant, run again with --accept")
    if broken:
        print(f"FAILED: {', '.join(broken)} raised an error, see above")
    return int(rejected or bool(broken))


if __name__ == "__main__":
    sys.exit(main())
