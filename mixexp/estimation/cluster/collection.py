"""A source of rows whose partitions Dask reads, on the workers of a cluster if there is one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from functools import partial, reduce
from itertools import islice
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from mixexp.estimation.cluster import partition
from mixexp.estimation.cluster.rows import Distributed
from mixexp.estimation.cluster.watch import in_order, results
from mixexp.estimation.cluster.worker import is_here
from mixexp.estimation.executors import active_client
from mixexp.estimation.rows import Rows
from mixexp.estimation.streams import Chunk, LocalSource, Reader, Standardizer, Survey
from mixexp.estimation.streams._base import union
from mixexp.models.basis import Affine

if TYPE_CHECKING:
    from distributed import Client

Heard = Callable[[int], None]

# Reading may fail because of a file server that is busy.
_RETRIES = 2


class Collection(LocalSource):
    """The partitions of a Dask collection; see :func:`~mixexp.scan_dask`.

    With a client its partitions are read by the workers and stay there; without one they are read
    by this process, one after the other, in every pass.

    Parameters
    ----------
    chunks : sequence of dask.delayed.Delayed
        A :class:`~mixexp.estimation.streams.Chunk` each.
    columns : tuple of str or None
    client : distributed.Client, optional
        By default the one that is active when a fit begins.
    """

    def __init__(
        self,
        chunks: Sequence[Any],
        columns: tuple[str, ...] | None = None,
        client: Client | None = None,
    ):
        self._chunks, self._client, self.columns = list(chunks), client, columns
        self.n_partitions = len(self._chunks)

    @property
    def client(self) -> Client | None:
        """Who computes: the client given, that of joblib's context, or the last one made.

        Raises
        ------
        RuntimeError
            If the client given is closed.
        """
        if self._client is not None and self._client.status == "closed":
            raise RuntimeError(
                "the Dask client of this source is closed; connect a new Client, and make the "
                "source again: scan_dask(..., client=client)"
            )
        return self._client or active_client() or _current_client()

    def place(self, index: int) -> str:
        return place_of(index)

    def read(self, index: int) -> Chunk:
        client = self.client
        if client is None:
            return self._chunks[index].compute()
        return next(_computed(client, [self._chunks[index]]))

    def chunks(self) -> Iterator[Chunk]:
        for index in range(len(self._chunks)):
            yield self.read(index)

    def labels(self) -> NDArray[Any]:
        client = self.client
        if client is None:
            return super().labels()
        functions = [partial(partition.labels_of, place_of(i)) for i in range(len(self._chunks))]
        with closing(_computed(client, self._each(*functions))) as found:
            return union(found)

    def survey(self, reader: Reader, size: int, seed: int, heard: Heard | None = None) -> Survey:
        client = self.client
        if client is None:
            return super().survey(reader, size, seed, heard)
        from dask import delayed

        functions = [
            partial(partition.survey_of, reader, place_of(i), size, seed)
            for i in range(len(self._chunks))
        ]
        surveys = self._each(*functions)
        sizes = [delayed(partition.size_of)(part) for part in surveys]
        # Samples are long: they are merged where they are, and only the last one is fetched.
        whole = reduce(
            delayed(Survey.merge), surveys, delayed(Survey.empty(size, seed), traverse=False)
        )
        with closing(_computed(client, [*sizes, whole])) as told:
            for n_rows in islice(told, len(sizes)):
                if heard is not None:
                    heard(n_rows)
            return next(told)

    def rows(
        self, reader: Reader, survey: Survey, affine: Affine, heard: Heard | None = None
    ) -> Rows:
        client = self.client
        if client is None:
            return super().rows(reader, survey, affine, heard)
        standardize = Standardizer(survey, affine)
        functions = [
            partial(partition.prepare, reader, standardize, _of_one(survey, i), place_of(i))
            for i in range(len(survey.sizes))
        ]
        data = self._each(*functions)
        return Distributed(
            client, lambda: client.compute(data, retries=_RETRIES), survey, affine, heard
        )

    def _each(self, *functions: Callable[[Chunk], Any]) -> list[Any]:
        """What a function, or one for each partition, makes of the partitions, not yet computed."""
        from dask import delayed

        many = functions if len(functions) > 1 else functions * len(self._chunks)
        # Arguments that Dask looked into would come back as other types.
        return [
            delayed(function, pure=False, traverse=False)(chunk)
            for function, chunk in zip(many, self._chunks, strict=True)
        ]


def place_of(index: int) -> str:
    """Words for a partition."""
    return f"partition {index} of the Dask collection"


def _of_one(survey: Survey, index: int) -> Survey:
    """What a worker needs of a survey to recognise a partition."""
    one = slice(index, index + 1)
    return survey._replace(sizes=survey.sizes[one], marks=survey.marks[one], seen=None)


def _computed(client: Client, lazy: Sequence[Any]) -> Generator[Any]:
    """Values of delayed objects in their order, each as soon as it can be."""
    futures = client.compute(list(lazy), retries=_RETRIES)

    def submit(some: list[int]) -> list[Any]:
        for i in some:
            if futures[i].status in ("cancelled", "lost"):
                futures[i] = client.compute(lazy[i], retries=_RETRIES)
        return [futures[i] for i in some]

    with closing(results(client, submit, len(futures))) as pairs:
        yield from in_order(pairs)


def _current_client() -> Client | None:
    # Whoever made a client has imported the package.
    if "distributed" not in sys.modules or is_here():
        return None
    from distributed import Client

    try:
        return Client.current()
    except ValueError:
        return None
