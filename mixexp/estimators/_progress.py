"""Progress over the starts of a fit."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Self

from mixexp.estimation.solvers.multistart import Optimum


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
