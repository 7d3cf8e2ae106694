"""Run the benchmarks, write what they measured and print it beside the last run."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import (
    baseline,
    gllim,
    growth,
    memory,
    parts,
    passes,
    record,
    sparse,
    startup,
    table,
)
from benchmarks.measurement import Benchmark, Measurement

BENCHMARKS: dict[str, Benchmark] = {
    "passes": passes,
    "parts": parts,
    "sparse": sparse,
    "gllim": gllim,
    "baseline": baseline,
    "growth": growth,
    "memory": memory,
    "startup": startup,
}


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


def main(arguments: Sequence[str] | None = None) -> Path:
    """Run, write, print; returns the file that was written."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller sizes, fewer repeats")
    parser.add_argument("--only", choices=BENCHMARKS, help="run one benchmark")
    parser.add_argument(
        "--output", type=Path, default=record.RESULTS, help="folder of the recorded runs"
    )
    options = parser.parse_args(arguments)
    last = record.last_values(options.output, quick=options.quick)
    names = [options.only] if options.only else list(BENCHMARKS)
    results = {name: run_one(name, options.quick) for name in names}
    run = record.document(results, quick=options.quick)
    path = record.write(run, options.output, options.only)
    print(f"\n{table.render(results, last)}\n\nwritten: {path.name}")
    return path


if __name__ == "__main__":
    main()
