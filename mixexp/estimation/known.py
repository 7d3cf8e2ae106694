"""What a fit knows of the rows before it searches: their scale, a sketch, a sample."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.data import Data
from mixexp.estimation.options import Options
from mixexp.estimation.rows import Rows
from mixexp.estimation.sketch import sketch_rows
from mixexp.estimation.streams import Reader, Source, Standardizer, Survey
from mixexp.estimation.streams.reading import Code, Read
from mixexp.estimation.streams.survey import Sample
from mixexp.models.basis import Affine
from mixexp.models.mixture import MixtureOfExperts

Array = NDArray[np.float64]

_SKETCH_ROWS = 1024
# Rows at which the density of a fit is compared with that of other parameters.
_COMPARED_ROWS = 200
# Numbers that a sample of wide rows may hold, 80 MB.
_SAMPLE_NUMBERS = 10_000_000


class Watch(Protocol):
    """Hears of the passes over a source, and may stand between a fit and its rows."""

    def passing(self, kind: str) -> AbstractContextManager[None]:
        """A pass that is no sum begins, and ends with the context."""

    def surveyed(self, survey: Survey) -> None:
        """The rows have been read once; an error here ends the fit."""

    def rows(self, rows: Rows) -> Rows:
        """The rows that the fit sums over in place of ``rows``."""

    def part(self, n_rows: int) -> None:
        """A partition of so many rows has been gone over, in the survey or a later pass."""


class Known(NamedTuple):
    """The rows of a fit, and what starts are made of.

    Attributes
    ----------
    data : Rows
        All of them, standardised.
    sketch : Data
        At most 1024 distinct rows; ``data`` itself where that is all of them.
    sample : Data or None
        Where starts are climbed before all rows, if those are not in memory.
    n_rows : int
        The user's rows of positive weight, of which ``data`` may have merged duplicates.
    compared : (array, array)
        Some x and y, as the experts read them, on the user's scale.
    about_the_responses : tuple of str
        What the responses do to a fit.
    """

    data: Rows
    sketch: Data
    sample: Data | None
    n_rows: int
    compared: tuple[Array, Array]
    about_the_responses: tuple[str, ...]


def of_arrays(
    model: MixtureOfExperts,
    x: Array,
    y: Array,
    weight: Array | None,
    options: Options,
    *,
    in_order: bool = False,
) -> Known:
    """What is known of rows in memory; ``in_order`` if they must stay in the user's order."""
    n_rows = len(x)
    some = np.unique(np.linspace(0, n_rows - 1, _COMPARED_ROWS).astype(int))
    compared = np.asarray(x)[some], np.asarray(y)[some]
    response = model.expert.encode(y)
    sketch = sketch_rows(x, response, weight, _SKETCH_ROWS, options.seed)
    whole = len(sketch.rows) < _SKETCH_ROWS and not in_order
    if whole:
        # In the sketch's order and with duplicates merged, the fit is a function of the weighted
        # distribution of the rows, bit for bit.
        x, response, weight = x[sketch.rows], response[:, sketch.rows], sketch.weight
    data = Data.from_rows(
        x, response, weight,
        standardize=options.standardize, standardize_y=model.expert.standardizes,
        common_scale=model.expert.common_scale, take_y=True,
    )  # fmt: skip
    small = data if whole else data.take(sketch.rows, sketch.weight)
    return Known(data, small, None, n_rows, compared, model.expert.findings(data.y))


def of_source(
    model: MixtureOfExperts,
    source: Source,
    options: Options,
    *,
    columns: Sequence[str],
    code: Code | None = None,
    watch: Watch | None = None,
) -> Known:
    """What one reading tells of rows that are not in memory.

    Where it shows that their distinct rows are few, they are taken into memory.

    Raises
    ------
    ValueError
        If a row cannot be used, or there are fewer of them than experts.
    """
    heard = None if watch is None else watch.part
    reader = Reader(model.expert.encode, columns, code)
    room = _SAMPLE_NUMBERS // (model.n_columns + 2)
    size = max(min(options.sample_rows, room), _SKETCH_ROWS)
    with nullcontext() if watch is None else watch.passing("survey"):
        survey = source.survey(reader, size, options.seed, heard)
    if watch is not None:
        watch.surveyed(survey)
    sample, n_rows = survey.sample, survey.n_rows
    if model.n_experts > n_rows:
        raise ValueError(
            f"n_experts={model.n_experts} is larger than n_samples={n_rows} (rows of positive "
            "weight); fit fewer experts"
        )
    if len(sample.hashes) < size:
        known = of_arrays(model, sample.x, sample.coded, sample.weight, options)
        return known._replace(n_rows=n_rows)
    affine = affine_of(model, survey, standardize=options.standardize)
    rows = source.rows(reader, survey, affine, heard)
    standardize = Standardizer(survey, affine)
    small, large = (standardize(_read(model, part)) for part in (sample.head(_SKETCH_ROWS), sample))
    few = sample.head(_COMPARED_ROWS)
    about = tuple(
        f"in a sample of {size} rows: {finding}" for finding in model.expert.findings(large.y)
    )
    data = rows if watch is None else watch.rows(rows)
    return Known(data, small, large, n_rows, (few.x, few.coded), about)


def affine_of(model: MixtureOfExperts, survey: Survey, *, standardize: bool = True) -> Affine:
    """The map that a fit standardises surveyed rows by."""
    expert = model.expert
    return survey.affine(
        standardize=standardize, standardize_y=expert.standardizes, common_scale=expert.common_scale
    )


def rows_of(
    model: MixtureOfExperts,
    source: Source,
    affine: Affine,
    *,
    columns: Sequence[str],
    code: Code | None = None,
    watch: Watch | None = None,
) -> Rows:
    """Rows of a source on the scale of an earlier fit, at the price of one reading."""
    heard = None if watch is None else watch.part
    reader = Reader(model.expert.encode, columns, code)
    with nullcontext() if watch is None else watch.passing("survey"):
        survey = source.survey(reader, 1, 0, heard)
    return source.rows(reader, survey, affine, heard)


def _read(model: MixtureOfExperts, sample: Sample) -> Read:
    return Read(sample.x, sample.coded, model.expert.encode(sample.coded), sample.weight)
