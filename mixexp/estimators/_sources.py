"""Fits to rows that are not in memory: what an estimator does with a source in place of X."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.metadata_routing import UNUSED

from mixexp.estimation.cluster import is_dask, scan_dask
from mixexp.estimation.fit import Fit, Options
from mixexp.estimation.streams import Reader, Source, scan_arrays
from mixexp.estimation.streams.canonical import digest
from mixexp.estimation.streams.checkpoint import Checkpoint
from mixexp.estimation.streams.watch import Pass, Watch
from mixexp.estimators import _inputs
from mixexp.estimators._bound import Bound, Given
from mixexp.estimators._callbacks import Monitor, SourceProblem
from mixexp.estimators._progress import PassProgress, Progress
from mixexp.models import MixingMeasure, MixtureOfExperts, MixtureParams

if TYPE_CHECKING:
    from typing import Self

    from pandas import DataFrame

Array = NDArray[np.float64]
Path = str | os.PathLike[str]

# From this size on, in bytes of doubles, memory-mapped columns are read in slices.
MEMORY_MAP_LIMIT = 2**30
# Settings that change nothing but the time, or that the seed and the starts stand for.
_NOT_OF_THE_FIT = {"n_jobs", "verbose", "random_state", "init", "warm_start"}


def source_of(X: Any, y: Any, sample_weight: Any, known: Any, bound: Bound | None) -> Source | None:
    """The source to fit to, if there is one: given for X, of Dask, or a large memory map.

    Raises
    ------
    ValueError
        If responses, weights or known numbers come beside a source, or it meets a formula.
    """
    if is_dask(X):
        X, y, sample_weight = scan_dask(X, y=y, sample_weight=sample_weight), None, None
    if isinstance(X, Source):
        beside = {"y": y, "sample_weight": sample_weight, "exposure or trials": known}
        if given := [name for name, values in beside.items() if values is not None]:
            raise ValueError(
                f"{given[0]} was given beside a source, which has its own: name its column where "
                "the source is made; exposures and trials are a second column of y, as in "
                'y=["count", "exposure"]'
            )
        if bound is not None:
            raise ValueError(
                "a formula learns levels and scales from a data frame in memory, and X is a "
                "source; make the estimator without from_formula, on columns made beforehand"
            )
        return X
    large = isinstance(X, np.memmap) and X.ndim == 2 and 8 * X.size >= MEMORY_MAP_LIMIT
    if not large or bound is not None or y is None:
        return None
    response = y if known is None else np.column_stack([y, np.broadcast_to(known, len(X))])
    arrays = (None if a is None else np.asanyarray(a) for a in (response, sample_weight))
    return scan_arrays(X, *arrays)


def refuse_source(X: Any) -> None:
    """Refuse a source where rows are needed.

    Raises
    ------
    TypeError
    """
    if isinstance(X, Source):
        raise TypeError(
            "X is a source, and this method gives something for every row: call it on arrays, "
            "[moe.predict(chunk.x) for chunk in source.chunks()] for instance; fit, aic, bic and "
            "results take sources"
        )


def check_columns(estimator: Any, source: Source) -> None:
    """Refuse a source with other columns than the fit had.

    Raises
    ------
    ValueError
    """
    names = getattr(estimator, "feature_names_in_", None)
    if names is None or source.columns is None:
        return
    if list(names) != list(source.columns):
        raise ValueError(
            f"the source has the columns {list(source.columns)}, but the fit had {list(names)}; "
            "name these in this order"
        )


class SourceMixin:
    """Fitting to a source, and sums over one."""

    # Not a property of the data: pipelines do not pass it on.
    __metadata_request__fit: ClassVar[dict[str, str]] = {"checkpoint": UNUSED}

    verbose: int
    warm_start: bool
    init: Any
    random_state: Any
    n_experts: int
    _numeric: ClassVar[bool]
    converged_: bool
    params_: MixtureParams
    _bound: Bound | None
    _passes: list[Pass]
    _affine: Any
    _scaled: MixtureOfExperts
    _centred: MixtureParams

    @abstractmethod
    def _learn(self, y: Any) -> None: ...

    @abstractmethod
    def _build(self, n_columns: int) -> MixtureOfExperts: ...

    @abstractmethod
    def _options(self) -> Options: ...

    @abstractmethod
    def _keep(self, model: MixtureOfExperts, fitted: Fit) -> None: ...

    @abstractmethod
    def _fit_rows(self, X: Any, y: Any, sample_weight: Any, known: Any) -> None: ...

    @abstractmethod
    def _warn(self) -> None: ...

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, known: Any = None, checkpoint: Path | None = None
    ) -> Self:
        source = source_of(X, y, sample_weight, known, self._bound)
        if source is not None:
            self._fit_source(source, checkpoint)
        elif checkpoint is not None:
            raise ValueError(
                f"checkpoint={os.fspath(checkpoint)!r} was given with rows in memory; only fits to "
                "a source note their passes: pass mixexp.scan_arrays(X, y) for X"
            )
        else:
            self._fit_rows(X, y, sample_weight, known)
        if not self.converged_:
            self._warn()
        return self

    @property
    def passes_(self) -> DataFrame:
        """Every pass of the fit over a source: what it summed, seconds, mean log-likelihood.

        ``noted`` are those whose sums were found in a checkpoint. Fits to rows in memory have none.
        """
        from pandas import DataFrame

        return DataFrame(getattr(self, "_passes", []), columns=Pass._fields)

    def _of_chunk(self, y: NDArray[Any]) -> None:
        """Take from the responses of one chunk how many there are of a row."""
        if y.ndim == 2 and y.shape[1] > 1:
            raise ValueError(
                f"y of the source has {y.shape[1]} columns, but {type(self).__name__} has one "
                "response; name one column"
            )

    def _code(self) -> Callable[[Any], Array]:
        """What turns responses of a source into numbers as the experts read them; picklable."""
        return as_numbers

    def _fit_source(self, source: Source, checkpoint: Path | None) -> None:
        """Fit to a source, noting every pass in a checkpoint if there is one."""
        n_columns = self._take_shape(source)
        with ExitStack() as stack:
            noted = None if checkpoint is None else stack.enter_context(Checkpoint(checkpoint))
            heard = stack.enter_context(PassProgress(self.verbose))
            report = stack.enter_context(Progress(self.verbose))
            watch = Watch(heard, noted)
            if not self._numeric:
                with watch.passing("labels"):
                    labels = source.labels()
                if not len(labels):
                    raise ValueError(
                        "the source has no row of positive weight; check its path, its filter and "
                        "its weights"
                    )
                # Labels that are nearly all distinct look like measurements.
                self._learn(np.tile(labels, 3))
            model = self._build(n_columns)
            starts = self._starts(model)
            options = replace(self._options(), seed=self._seed(noted))
            if noted is not None:
                watch.settings = self._settings(options.seed, starts)
            problem = SourceProblem(model, source, options, self._code(), watch)
            monitor = Monitor(self, Given(source, None), problem, len(starts))
            with _resumable(checkpoint):
                fitted = monitor.search(starts, source.columns, report)
            self._passes = watch.passes
            self._keep(model, fitted)
            monitor.end()

    def _take_shape(self, source: Source) -> int:
        """Number and names of the columns, from the first chunk."""
        first = next(iter(source.chunks()), None)
        if first is None:
            raise ValueError("the source has no rows; check its path and its filter")
        self.n_features_in_ = int(np.shape(first.x)[1])
        vars(self).pop("feature_names_in_", None)
        if source.columns is not None:
            self.feature_names_in_ = np.array(source.columns, dtype=object)
        self._of_chunk(np.asarray(first.y))
        return self.n_features_in_

    def _starts(self, model: MixtureOfExperts) -> list[Any]:
        """The user's starts, which cannot be responsibilities."""
        given = self.init if isinstance(self.init, list | tuple) else [self.init]
        measures = isinstance(self.init, MixtureParams | None) or all(
            isinstance(start, MixingMeasure | MixtureParams) for start in given
        )
        if not measures:
            raise ValueError(
                "init has responsibilities of rows, which a source does not hold; start from a "
                "MixingMeasure or MixtureParams, such as measure_ of a fit to some of the rows"
            )
        starts = _inputs.as_starts(self.init, model, np.empty((0, model.n_columns)))
        if self.warm_start and _inputs.fits(getattr(self, "params_", None), model):
            starts = [self.params_, *starts]
        return starts

    def _seed(self, noted: Checkpoint | None) -> int:
        """The seed: of a random state that is no number, the one that the checkpoint has."""
        drawn = _inputs.draw_seed(self.random_state)
        if noted is None or isinstance(self.random_state, int | np.integer):
            return drawn
        return int(noted.settings.get("seed", drawn))

    def _settings(self, seed: int, starts: list[Any]) -> dict[str, Any]:
        """What a fit is a function of beside the data, as plain values."""
        settings = self.get_params(deep=False)  # type: ignore[attr-defined]
        plain = {
            name: _plain(name, value)
            for name, value in settings.items()
            if name not in _NOT_OF_THE_FIT
        }
        columns = getattr(self, "feature_names_in_", None)
        return {
            "estimator": type(self).__name__,
            **plain,
            "columns": None if columns is None else list(map(str, columns)),
            "seed": seed,
            "starts": [_plain("init", start) for start in starts],
        }

    def _source_loglik(self, source: Source) -> tuple[float, float]:
        """Log-likelihood of a source and its total weight, in one pass."""
        check_columns(self, source)
        columns = source.columns or [f"x{j}" for j in range(self.n_features_in_)]
        reader = Reader(self._scaled.expert.encode, columns, self._code())
        loglik = weight = 0.0
        for index, chunk in enumerate(source.chunks()):
            rows = reader(chunk, source.place(index))
            z = (rows.x - self._affine.x_center) / self._affine.x_scale
            each = self._scaled.log_prob(self._centred, z, rows.coded)
            if rows.weight is None:
                loglik, weight = loglik + float(each.sum()), weight + len(each)
            else:
                loglik += float(rows.weight @ each)
                weight += float(rows.weight.sum())
        return loglik, weight


def as_numbers(y: Any) -> Array:
    """Responses (m,) or (m, D) as numbers; a single column as (m,)."""
    numbers = np.asarray(y, dtype=np.float64)
    return numbers[:, 0] if numbers.ndim == 2 and numbers.shape[1] == 1 else numbers


@contextmanager
def _resumable(checkpoint: Path | None) -> Iterator[None]:
    """Tell who stops a fit how it goes on."""
    try:
        yield
    except KeyboardInterrupt as stop:
        if checkpoint is not None:
            stop.add_note(
                "every pass that was completed is kept: the same fit with "
                f"checkpoint={os.fspath(checkpoint)!r} goes on from there"
            )
        raise


def _plain(name: str, value: Any) -> Any:
    """A setting as JSON has it: numbers and words as they are, other values as a digest."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple) and all(isinstance(v, int | str) for v in value):
        return list(value)
    try:
        return f"{type(value).__name__} {digest(value)[:16]}"
    except TypeError as error:
        raise ValueError(
            f"{name}={value!r} cannot be compared between two runs ({error}); fit without "
            "checkpoint="
        ) from error
