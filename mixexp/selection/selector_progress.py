"""Progress over the fits of a selection."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

from mixexp.selection.refit import FitRecord


class SelectionProgress:
    """Reports each fit on standard error: a bar for verbose=1, a line a fit from 2 on.

    Examples
    --------
    >>> with SelectionProgress(total=2, verbose=0) as progress:
    ...     progress.advance("n_experts=1", FitRecord(None, error="ValueError: no rows"))
    >>> progress.done
    1
    """

    def __init__(self, total: int, verbose: int) -> None:
        self.total, self.verbose = total, int(verbose)
        self.done = 0
        self._bar: Any = None

    def __enter__(self) -> SelectionProgress:
        if self.verbose > 0:
            from tqdm import tqdm

            self._bar = tqdm(total=self.total, desc="fits")
        return self

    def advance(self, label: str, record: FitRecord) -> None:
        """Count a fit that has ended or was found in the store."""
        self.done += 1
        if self._bar is None:
            return
        self._bar.update()
        self._bar.set_postfix_str(label)
        if self.verbose > 1:
            state = "certified" if record.certified else "not certified"
            result = record.error or f"{record.loglik:.6f} nats, {state}, {record.seconds:.1f} s"
            self._bar.write(f"{label}: {result}", file=sys.stderr)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()
