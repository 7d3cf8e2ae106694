"""Sources that are read in this process."""

from __future__ import annotations

from mixexp.estimation.rows import Rows
from mixexp.estimation.streams._base import Source
from mixexp.estimation.streams.reading import Reader
from mixexp.estimation.streams.streamed import Heard, Streamed
from mixexp.estimation.streams.survey import Survey
from mixexp.models.basis import Affine


class LocalSource(Source):
    """A source whose partitions are read one after the other by the process that fits."""

    def survey(self, reader: Reader, size: int, seed: int, heard: Heard | None = None) -> Survey:
        survey = Survey.empty(size, seed)
        for index, chunk in enumerate(self.chunks()):
            rows = reader(chunk, self.place(index))
            survey = survey.merge(Survey.of(rows, size, seed, survey.below))
            if heard is not None:
                heard(len(rows.x))
        return survey

    def rows(
        self, reader: Reader, survey: Survey, affine: Affine, heard: Heard | None = None
    ) -> Rows:
        return Streamed(self, reader, survey, affine, heard)
