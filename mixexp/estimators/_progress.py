"""Progress over the starts of a fit, and over the passes of one whose rows are not in memory."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Self

from mixexp.estimation.solvers.multistart import Optimum
from mixexp.estimation.streams.watch import Pass


class _Bars:
    """Bars on standard error, one for each phase, closed at the end."""

    def __init__(self, verbose: int):
        self.verbose = int(verbose)
        self._bars: dict[str, Any] = {}

    def _bar(self, phase: str, total: int) -> Any:
        from tqdm import tqdm

        if phase not in self._bars:
            self._bars[phase] = tqdm(total=total or None, desc=f"starts on the {phase}")
        return self._bars[phase]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for bar in self._bars.values():
            bar.close()


class Progress(_Bars):
    """Reports each start on standard error: a bar for verbose=1, a line a start from 2 on."""

    def __init__(self, verbose: int):
        super().__init__(verbose)
        self._best: dict[str, float] = {}

    def __call__(self, phase: str, number: int, total: int, optimum: Optimum) -> None:
        if self.verbose <= 0:
            return
        bar = self._bar(phase, total)
        best = self._best[phase] = max(self._best.get(phase, optimum.value), optimum.value)
        bar.update()
        bar.set_postfix_str(f"best log-likelihood {best:.4f} (standardised)")
        if self.verbose > 1:
            bar.write(
                f"{phase} start {number} ({optimum.kind}): {optimum.value:.6f} after "
                f"{optimum.solution.n_iter} steps, {optimum.solution.reason.value}",
                file=sys.stderr,
            )


class CountProgress(_Bars):
    """A bar for each phase on standard error, for work that reports its counts only."""

    def __call__(self, phase: str, number: int, total: int) -> None:
        if self.verbose > 0:
            self._bar(phase, total).update()


class PassProgress(_Bars):
    """Reports passes over rows that are not in memory: a bar for verbose=1, also lines from 2 on.

    The bar shows the number of the pass and what it sums, the rows read, the time left in the pass,
    rows per second, and the log-likelihood of a row that the last pass found.
    """

    def __init__(self, verbose: int):
        super().__init__(verbose)
        self._n_passes = self._n_noted = 0

    def begin(self, kind: str, n_rows: int | None) -> None:
        """A pass begins."""
        if self.verbose <= 0:
            return
        from tqdm import tqdm

        title = f"pass {self._n_passes + 1} ({kind})"
        if "passes" not in self._bars:
            self._bars["passes"] = tqdm(total=n_rows, desc=title, unit=" rows", unit_scale=True)
            return
        self._bars["passes"].set_description(title, refresh=False)
        # Also starts the clock anew, from which the time left follows.
        self._bars["passes"].reset(n_rows)

    def part(self, n_rows: int) -> None:
        """So many rows more have been read."""
        if self.verbose > 0:
            self._bars["passes"].update(n_rows)

    def end(self, made: Pass) -> None:
        """A pass has ended, or was found in a checkpoint."""
        self._n_passes += 1
        self._n_noted += made.noted
        if self.verbose <= 0:
            return
        found = "" if made.loglik is None else f"log-likelihood {made.loglik:.8f} a row"
        taken = f"{self._n_noted} from the checkpoint" if self._n_noted else ""
        if "passes" in self._bars:
            self._bars["passes"].set_postfix_str(", ".join(filter(None, (found, taken))))
        if self.verbose > 1:
            from tqdm import tqdm

            how = "from the checkpoint" if made.noted else f"{made.seconds:.1f} s"
            words = ", ".join(filter(None, (how, found)))
            tqdm.write(f"pass {self._n_passes} ({made.kind}): {words}", file=sys.stderr)
