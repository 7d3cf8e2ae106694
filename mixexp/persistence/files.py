"""Saving and loading of fitted estimators."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from sklearn.utils.validation import check_is_fitted

from mixexp.persistence.estimators import check_kind, from_plain, to_plain
from mixexp.persistence.values import CannotSave

FORMAT = "mixexp estimator"
FORMAT_VERSION = 1
# What building an estimator may raise of a file that describes none.
_NOT_OURS = (
    ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError,
    ValueError,
)  # fmt: skip


def dumps(estimator: Any) -> str:
    """A fitted estimator as JSON text; see :func:`save`."""
    from mixexp import __version__

    check_kind(estimator)
    check_is_fitted(estimator, "model_")
    try:
        content = to_plain(estimator)
    except CannotSave as error:
        raise ValueError(
            f"{type(estimator).__name__} has {error}, which plain JSON cannot keep: it holds "
            "numbers, words and mixexp's own gates, experts and functions; use pickle instead"
        ) from error
    document = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "mixexp": __version__,
        "sha256": _digest(content),
        "estimator": content,
    }
    return json.dumps(document, allow_nan=False, ensure_ascii=False)


def loads(text: str) -> Any:
    """The estimator of a JSON text; see :func:`load`."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"this is not JSON: {error}") from error
    content = _checked(document)
    try:
        return from_plain(content)
    except _NOT_OURS as error:
        raise ValueError(f"the file does not describe an estimator: {error}") from error


def save(estimator: Any, path: str | os.PathLike[str]) -> None:
    """Write a fitted estimator to a JSON file that loads back to the same predictions, bit for bit.

    Settings, parameters, all optima with their certificates and the classes' labels are kept; of a
    formula its text and what it learned, but not the data. A file that is there is replaced as a
    whole.

    Parameters
    ----------
    estimator : GaussianMoE, MultinomialMoE, PoissonMoE, BinomialMoE, GLoME or BLoME
    path : str or path

    Raises
    ------
    FileNotFoundError
        If the path is a folder, or in one that does not exist.
    NotFittedError
        If the estimator is not fitted.
    ValueError
        If it is none of these, or has parts that only Python code can describe, such as a gate with
        a function of the user's; pickle keeps these.

    Examples
    --------
    >>> import os, tempfile
    >>> import mixexp
    >>> from mixexp.datasets import load_faithful
    >>> faithful = load_faithful()
    >>> moe = mixexp.GaussianMoE.from_formula("waiting ~ eruptions", faithful, random_state=0).fit()
    >>> path = os.path.join(tempfile.mkdtemp(), "geyser.json")
    >>> mixexp.save(moe, path)
    >>> bool((mixexp.load(path).predict(faithful) == moe.predict(faithful)).all())
    True
    """
    target = Path(path)
    if target.is_dir() or not target.parent.is_dir():
        raise FileNotFoundError(
            f"path={os.fspath(path)!r} is no file in a folder that exists; make the folder first"
        )
    text = dumps(estimator)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def load(path: str | os.PathLike[str]) -> Any:
    """Read an estimator that :func:`save` wrote.

    Nothing in a file is run: only mixexp's own classes are built, by a list of their names. Files
    of other versions of mixexp load without a warning if their format is known; predictions are
    then those of the version that loads.

    Parameters
    ----------
    path : str or path

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not one of :func:`save`, was damaged, or has a newer format.
    """
    try:
        # Some editors put a mark of their own before the text.
        return loads(Path(path).read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)!r} cannot be loaded: {error}") from error


def _checked(document: Any) -> Any:
    """The content of a document, if it is whole and of a known format."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError("this is no file of mixexp.save")
    version = document.get("format_version")
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise ValueError(
            f"its format is {version!r}, newer than {FORMAT_VERSION}, the newest that this mixexp "
            f"reads; it was written by mixexp {document.get('mixexp')}: update mixexp"
        )
    content = document.get("estimator")
    if document.get("sha256") != _digest(content):
        raise ValueError("its content is not what was saved: the file is damaged or was edited")
    return content


def _digest(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
