"""Rows that stay on the workers of a cluster; only sums over partitions travel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.blocks import Sums, add_into
from mixexp.estimation.cluster import partition
from mixexp.estimation.cluster.watch import in_order, results
from mixexp.estimation.data import Data
from mixexp.estimation.streams.survey import Survey
from mixexp.estimation.streams.surveyed import Surveyed
from mixexp.models.basis import Affine

if TYPE_CHECKING:
    from distributed import Client

Array = NDArray[np.float64]

# Partitions on their way to this process.
_COMING = 2


class Distributed(Surveyed):
    """Rows of a source, standardised once and kept in the memory of a cluster's workers.

    A pass sends the parameters to every partition and adds what comes back in the order of the
    partitions: the sum is that of :class:`~mixexp.estimation.streams.Streamed` over the same
    partitions, bit for bit where the machines are alike. Partitions that are lost with a worker are
    read again by another one.

    Parameters
    ----------
    client : distributed.Client
    parts : callable
        Hands all partitions to the cluster to be read and standardised, and returns their futures.
    survey : Survey
    affine : Affine
    heard : callable, optional
        Called with the number of rows of each partition that a sum has gone over.
    """

    def __init__(
        self,
        client: Client,
        parts: Callable[[], list[Any]],
        survey: Survey,
        affine: Affine,
        heard: Callable[[int], None] | None = None,
    ):
        super().__init__(survey, affine)
        self.client = client
        self._read, self._heard = parts, heard
        self._kept = [i for i, size in enumerate(survey.sizes) if size]
        self._futures = parts()

    def parts(self) -> Iterator[Data]:
        """The partitions with rows, in their order, fetched one after the other."""
        with closing(self._each(partition.itself, at_once=_COMING)) as parts:
            yield from in_order(parts)

    def sum(self, task: Callable[[Data], Sums]) -> Sums:
        """The sum of ``task`` over the partitions, each computed where it is."""
        from distributed.protocol.pickle import dumps

        whole = task if isinstance(task, partial) else partial(task)
        function = dumps(whole.func)
        call = partial(partition.sums_of, function, whole.args, whole.keywords)
        total: Sums = []
        with closing(self._each(call)) as pairs:
            for sums in in_order(self._told(pairs)):
                # What comes from another process may not be written to.
                add_into(total, sums if total else [each.copy() for each in sums])
        return total

    def _told(self, pairs: Iterator[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
        for i, result in pairs:
            if self._heard is not None:
                self._heard(self.survey.sizes[self._kept[i]])
            yield i, result

    def _each(self, function: Callable[[Data], Any], at_once: int | None = None):  # type: ignore[no-untyped-def]
        """Pairs (number, result) of a function of each partition with rows, as they come."""

        def submit(some: list[int]) -> list[Any]:
            kept = [self._futures[self._kept[i]] for i in some]
            # Passes at the same parameters are not the same pass once a worker has died.
            return self.client.map(function, kept, pure=False)

        return results(self.client, submit, len(self._kept), at_once=at_once, recover=self._recover)

    def _recover(self) -> None:
        """Hand in the partitions again, if what they were made of is lost."""
        if any(future.status in ("cancelled", "lost") for future in self._futures):
            self._futures = self._read()
