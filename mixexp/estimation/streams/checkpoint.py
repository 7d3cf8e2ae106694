"""A file in which a fit notes every pass it has made over the rows, to be resumed from.

A search is a function of the data, the settings and the seed, and what it learns of the data are
sums over all rows. So nothing of the search has to be saved: made again, it asks for the same sums
in the same order, and those that were noted need no pass.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.blocks import Sums

Array = NDArray[np.float64]

FORMAT, FORMAT_VERSION = "mixexp checkpoint", 1
# How every checkpoint begins.
_MAGIC = f'{{"format": "{FORMAT}"'.encode("ascii")


class Checkpoint:
    """The passes of one fit, noted in a file of JSON lines; used as a context manager.

    The first line says which fit it is, every other one is a pass: a digest of what was summed, the
    log-likelihood, the parameters and the sums. A line is on the disk before the search goes on.
    One that was cut off, because the process was killed while it wrote, does not count.

    Parameters
    ----------
    path : str or path
        Made if it is not there.

    Raises
    ------
    FileNotFoundError
        If its folder does not exist.
    ValueError
        If it is there and no checkpoint, or damaged; or another fit writes to it.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "fit.checkpoint"
    >>> with Checkpoint(path) as checkpoint:
    ...     checkpoint.begin({"n_experts": 2}, {"n_rows": 10})
    ...     checkpoint.note("a7", [np.array(1.5)], kind="value")
    >>> with Checkpoint(path) as checkpoint:
    ...     checkpoint.begin({"n_experts": 2}, {"n_rows": 10})
    ...     checkpoint.find("a7"), checkpoint.find("b8")
    ([array(1.5)], None)
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)
        if self.path.is_dir() or not self.path.parent.is_dir():
            raise FileNotFoundError(
                f"checkpoint={os.fspath(path)!r} is no file in a folder that exists; make the "
                "folder first"
            )
        self._file: BinaryIO | None = None
        self._header: dict[str, Any] | None = None
        self._passes: dict[str, list[Any]] = {}
        self.n_found = 0

    def __enter__(self) -> Self:
        # Both reading and appending, and made where it is missing.
        self._file = self.path.open("a+b")
        try:
            _lock(self._file, self.path)
            self._read(self._file)
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._file is not None
        self._file.close()

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings of the fit that began the file; empty if none did."""
        return {} if self._header is None else self._header["settings"]

    @property
    def n_passes(self) -> int:
        """Number of passes noted."""
        return len(self._passes)

    def begin(self, settings: Mapping[str, Any], data: Mapping[str, Any]) -> None:
        """Name the fit by its settings and data, plain values; or check that it is the one begun.

        Raises
        ------
        ValueError
            If the file belongs to a fit of other data or with other settings, which it names.
        """
        from mixexp import __version__

        told = {"mixexp": __version__, "settings": dict(settings), "data": dict(data)}
        # As they come back from the file.
        told = json.loads(json.dumps(told))
        if self._header is None:
            self._header = told
            self._write({"format": FORMAT, "format_version": FORMAT_VERSION, **told})
            return
        where = f"checkpoint={os.fspath(self.path)!r}"
        remedy = "delete the file to begin anew, or name another one"
        if self._header["mixexp"] != __version__:
            raise ValueError(
                f"{where} was written by mixexp {self._header['mixexp']}, and this is "
                f"{__version__}, whose search may be another one; {remedy}"
            )
        for what, name in (("settings", "other settings"), ("data", "other data")):
            if differ := _differences(self._header[what], told[what]):
                raise ValueError(f"{where} belongs to a fit of {name}: {differ}; {remedy}")

    def find(self, key: str) -> Sums | None:
        """The sums of a pass that was noted, None if it was not."""
        plain = self._passes.get(key)
        if plain is None:
            return None
        self.n_found += 1
        return [_array(each) for each in plain]

    def note(self, key: str, sums: Sums, **told: Any) -> None:
        """Note a pass; it is on the disk when this returns.

        Parameters
        ----------
        key : str
            A digest of what was summed.
        sums : list of arrays
        **told : plain values
            What a reader of the file may want to know.
        """
        plain = [_plain(each) for each in sums]
        self._write({"pass": len(self._passes) + 1, "key": key, **told, "sums": plain})
        self._passes[key] = plain

    def _write(self, line: dict[str, Any]) -> None:
        assert self._file is not None
        self._file.write(json.dumps(line).encode("ascii") + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def _read(self, file: BinaryIO) -> None:
        """Read what is there, and cut off a last line that is not whole."""
        file.seek(0)
        text = file.read()
        where = f"checkpoint={os.fspath(self.path)!r}"
        # A file of the user's must not be cut.
        if not _MAGIC.startswith(text[: len(_MAGIC)]):
            raise ValueError(f"{where} is there and no checkpoint of mixexp; name another file")
        whole = text[: text.rfind(b"\n") + 1]
        try:
            lines = [json.loads(line) for line in whole.splitlines()]
            self._header = lines[0] if lines else None
            self._passes = {line["key"]: line["sums"] for line in lines[1:]}
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{where} is damaged ({error}); delete it to begin anew") from error
        if self._header is not None and self._header["format_version"] > FORMAT_VERSION:
            raise ValueError(
                f"{where} has the format {self._header['format_version']}, newer than "
                f"{FORMAT_VERSION}, the newest that this mixexp reads; update mixexp"
            )
        file.truncate(len(whole))


def _lock(file: BinaryIO, path: Path) -> None:
    """Keep others from writing to the file, until it is closed or the process ends."""
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ValueError(
            f"checkpoint={os.fspath(path)!r} is being written by another fit; wait for it, or name "
            "another file"
        ) from error
    except OSError:  # Some network disks have no locks.
        return


def _differences(begun: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What differs between two mappings, in words; empty if nothing does."""
    names = [name for name in {**begun, **now} if begun.get(name) != now.get(name)]
    return ", ".join(f"{name} was {begun.get(name)!r} and is {now.get(name)!r}" for name in names)


def _plain(values: Array) -> list[Any]:
    """An array as its shape and the bytes of its doubles, the lowest first."""
    data = np.ascontiguousarray(values, dtype="<f8").tobytes()
    return [list(np.shape(values)), base64.b64encode(data).decode("ascii")]


def _array(plain: list[Any]) -> Array:
    shape, data = plain
    # A copy: what comes out of bytes cannot be written to.
    return np.frombuffer(base64.b64decode(data), dtype="<f8").reshape(shape).astype(float)
