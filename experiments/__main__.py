"""Run the claims and report on them.

::

    python -m experiments list
    python -m experiments run [NAME ...] [--quick | --full] [--workers N]
                              [--backend loky|dask] [--scheduler ADDRESS] [--time-limit MINUTES]
    python -m experiments status [NAME ...] [--quick | --full]
    python -m experiments resume [--quick | --full] ...
    python -m experiments report [--quick | --full]

A NAME is that of a claim or of its file and may hold the wildcards ``*`` and ``?``; the exact name
of a claim means that claim alone, and without a NAME all claims are meant. Results of ``--full``
are those that are committed; ``--quick`` and the default, a quarter of the declared time, have
folders of their own. What a time limit leaves is unfinished, and no error.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

from experiments.catalogue import catalogue, select
from experiments.folders import FOLDERS, RESULTS, asked, open_store, store_path
from experiments.running import Workers, run_claims, studies
from mixexp.simulation.claims.claim import LEVELS, Claim, Level
from mixexp.simulation.text import aligned_table


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and do what it says; 1 if that is not possible, said in one line."""
    given = _parser().parse_args(arguments)
    try:
        return given.command(given)
    except (ValueError, OSError, ImportError, RuntimeError, sqlite3.DatabaseError) as error:
        words = " ".join(str(error).split()) or type(error).__name__
        print(f"error: {words}{_remedy(error, given)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; 'resume' goes on where this stopped", file=sys.stderr)
        return 130


def list_claims(given: argparse.Namespace) -> int:
    """Names, titles and declared times."""
    rows = [
        (claim.name, f"{stem}.py", claim.title, f"{LEVELS['full'] * claim.seconds / 60:.1f}")
        for stem, claims in catalogue().items()
        for claim in claims
    ]
    header = ("claim", "file", "title", "minutes of one core")
    print(aligned_table(header, rows, right=1))
    return 0


def run_command(given: argparse.Namespace) -> int:
    """Run the chosen claims and report on them."""
    return _run(given, select(given.names))


def resume(given: argparse.Namespace) -> int:
    """Go on with everything that was asked for in the folder of the level."""
    names = asked(_folder(given))
    known = {claim.name for claim in select(())}
    if gone := [name for name in names if name not in known]:
        print(f"skipped, as no claim has the name: {', '.join(gone)}", file=sys.stderr)
    if not (names := [name for name in names if name in known]):
        print(f"nothing was begun in {_folder(given)}; use run", file=sys.stderr)
        return 1
    return _run(given, select(names))


def _run(given: argparse.Namespace, claims: list[Claim]) -> int:
    workers = Workers(given.workers, given.backend, given.scheduler)
    limit = None if given.time_limit is None else 60.0 * given.time_limit
    left = run_claims(claims, given.level, _folder(given), workers, limit, given.retry_failed)
    _report(claims, given)
    if left:
        print(f"unfinished: {left} tasks are left; 'resume' goes on with them", file=sys.stderr)
    return 0


def status(given: argparse.Namespace) -> int:
    """Cells done, failed and left, claim by claim."""
    rows = []
    for claim in select(given.names):
        path = store_path(_folder(given), claim)
        for study in studies(claim, given.level):
            if not path.exists():
                rows.append((study.name, "not begun", *["-"] * 3, str(len(study.tasks()))))
                continue
            with open_store(_folder(given), claim) as store:
                s = store.status(study)
            state = (
                "complete"
                if s.done + s.failed == s.total
                else "under way"
                if s.leased
                else "incomplete"
            )
            counts = (s.done, s.failed, s.damaged, s.total)
            rows.append((study.name, state, *map(str, counts)))
    print(aligned_table(("study", "state", "done", "failed", "damaged", "tasks"), rows, right=4))
    return 0


def report(given: argparse.Namespace) -> int:
    """The report from the tables there are; nothing is run."""
    return _report(None, given)


def _report(chosen: list[Claim] | None, given: argparse.Namespace) -> int:
    """Everything in the folder goes into the report; the summary printed is of the chosen."""
    from experiments.reporting import has_results, report_claims

    folder = _folder(given)
    full = folder == FOLDERS["full"]
    there = [claim for claim in select(()) if has_results(claim, folder)]
    if not there:
        print(f"no results in {folder}; use run", file=sys.stderr)
        return 1
    every = select(()) if full else there
    # The report of the full level stands where readers look for it.
    print(report_claims(every, given.level, folder, RESULTS if full else folder, chosen))
    return 0


def _folder(given: argparse.Namespace) -> Path:
    return given.results or FOLDERS[given.level]


def _remedy(error: Exception, given: argparse.Namespace) -> str:
    """What to look at, where the error itself does not know."""
    address = getattr(given, "scheduler", None)
    if isinstance(error, ImportError):
        return "; install what is missing and run again"
    if isinstance(error, (OSError, RuntimeError)):
        folder = getattr(given, "results", None) or FOLDERS[given.level]
        where = f"the scheduler {address}" if address else f"the folder {folder}"
        return f"; check {where}, then 'resume' goes on with what is stored"
    return ""


def _parser() -> argparse.ArgumentParser:
    summary, _, details = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        prog="python -m experiments", description=summary, epilog=details,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, function, words, runs in (
        ("list", list_claims, "the claims", False),
        ("run", run_command, "run or resume claims, then report", True),
        ("status", status, "what is done and what is left", False),
        ("resume", resume, "go on with what was begun, then report", True),
        ("report", report, "the report from the tables there are", False),
    ):
        command = commands.add_parser(name, help=words, description=f"{words}.".capitalize())
        command.set_defaults(command=function, level="default", names=[])
        if name in ("run", "status"):
            command.add_argument("names", nargs="*", metavar="NAME")
        if name != "list":
            _add_level(command)
        if runs:
            _add_workers(command)
    return parser


def _add_level(command: argparse.ArgumentParser) -> None:
    levels = command.add_mutually_exclusive_group()
    quick: Level = "quick"
    full: Level = "full"
    levels.add_argument("--quick", action="store_const", dest="level", const=quick,
                        help="4 %% of the declared time")  # fmt: skip
    levels.add_argument("--full", action="store_const", dest="level", const=full,
                        help="the declared time")  # fmt: skip
    command.add_argument("--results", type=Path, metavar="FOLDER", help="another folder")


def _add_workers(command: argparse.ArgumentParser) -> None:
    command.add_argument("--workers", type=int, default=2, metavar="N")
    command.add_argument("--backend", choices=("loky", "dask"), default="loky")
    command.add_argument("--scheduler", metavar="ADDRESS", help="of a running Dask cluster")
    command.add_argument("--time-limit", type=float, metavar="MINUTES",
                         help="after which no task starts")  # fmt: skip
    command.add_argument("--retry-failed", action="store_true", help="run failed tasks again")


if __name__ == "__main__":
    sys.exit(main())
