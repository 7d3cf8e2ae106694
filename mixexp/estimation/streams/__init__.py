"""Rows that are not in memory: sources of chunks, one survey of them, and passes over them."""

from mixexp.estimation.streams._base import Chunk, Source
from mixexp.estimation.streams.arrays import scan_arrays
from mixexp.estimation.streams.chunks import scan_chunks
from mixexp.estimation.streams.local import LocalSource
from mixexp.estimation.streams.parquet import scan_parquet
from mixexp.estimation.streams.reading import Read, Reader
from mixexp.estimation.streams.streamed import Standardizer, Streamed, check_replay
from mixexp.estimation.streams.survey import Survey

__all__ = [
    "Chunk",
    "LocalSource",
    "Read",
    "Reader",
    "Source",
    "Standardizer",
    "Streamed",
    "Survey",
    "check_replay",
    "scan_arrays",
    "scan_chunks",
    "scan_parquet",
]
