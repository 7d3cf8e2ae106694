"""Finished fits on disk: a selection that was killed goes on where it was."""

from __future__ import annotations

import hashlib
import os
import pickle
import threading
import warnings
from pathlib import Path
from typing import Any

_MAGIC = b"mixexp fit 1\n"
_DIGEST = 64


class FitsStore:
    """A folder with one file for each finished fit, named by a key.

    A file appears whole or not at all, so that any number of processes may write and any of them
    may be killed. A file that is damaged counts as absent, with a warning. Fits are kept by
    pickling: open only folders whose contents you trust.

    Parameters
    ----------
    path : str or path
        The folder; it is made if missing.

    Raises
    ------
    ValueError
        If the path is a file.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = FitsStore(folder)
    ...     store.put("0a1b", {"loglik": -90.0})
    ...     FitsStore(folder).get("0a1b"), store.get("ffff")
    ({'loglik': -90.0}, None)
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if self.path.exists() and not self.path.is_dir():
            raise ValueError(f"store={str(path)!r} is a file; give a folder for the fits")
        self.path.mkdir(parents=True, exist_ok=True)

    def get(self, key: str) -> Any:
        """The value stored under a key, or None.

        Warns
        -----
        UserWarning
            If there is a file that cannot be read.
        """
        file = self._file(key)
        try:
            content = file.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return _unpacked(content)
        # Unpickling runs code of any class, which may fail in any way.
        except Exception as error:
            warnings.warn(
                f"the stored fit {file.name} in {self.path} cannot be read ({error}); it is made "
                "again",
                UserWarning,
                stacklevel=2,
            )
            return None

    def put(self, key: str, value: Any) -> None:
        """Write a value under a key, replacing what was there.

        Raises
        ------
        pickle.PicklingError, AttributeError, TypeError
            If the value cannot be pickled.
        """
        payload = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
        digest = hashlib.sha256(payload).hexdigest().encode()
        file = self._file(key)
        draft = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}.part")
        try:
            with draft.open("wb") as stream:
                stream.write(_MAGIC + digest + payload)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(draft, file)
        finally:
            draft.unlink(missing_ok=True)

    def __len__(self) -> int:
        return sum(1 for _ in self.path.glob("*.fit"))

    def _file(self, key: str) -> Path:
        return self.path / f"{key}.fit"


def _unpacked(content: bytes) -> Any:
    head = len(_MAGIC) + _DIGEST
    digest, payload = content[len(_MAGIC) : head], content[head:]
    if not content.startswith(_MAGIC):
        raise ValueError("it was not written by this class")
    if hashlib.sha256(payload).hexdigest().encode() != digest:
        raise ValueError("it is damaged")
    return pickle.loads(payload)
