"""Public names that are imported when they are first used: a package opens without its modules."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def lazy(
    package: str, homes: Mapping[str, Sequence[str]], modules: Sequence[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package whose names live in other modules (PEP 562).

    Parameters
    ----------
    package : str
        ``__name__`` of the package.
    homes : mapping
        From a module to the names it defines.
    modules : sequence of str
        Modules of the package that are attributes of it, without their own import.

    Raises
    ------
    AttributeError
        By ``__getattr__``, for a name that is in neither.

    Examples
    --------
    >>> find, names = lazy("mixexp", {"mixexp.models": ["Softmax"]}, ["theory"])
    >>> find("Softmax")()
    Softmax()
    >>> find("Hardmax")
    Traceback (most recent call last):
    AttributeError: module 'mixexp' has no attribute 'Hardmax'
    """
    home_of = {name: module for module, names in homes.items() for name in names}

    def find(name: str) -> Any:
        if name in home_of:
            value = getattr(import_module(home_of[name]), name)
            # Found at once from now on.
            setattr(sys.modules[package], name, value)
            return value
        if name in modules:
            return import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def names() -> list[str]:
        # What the package imported for its own use is none of its names.
        own = vars(sys.modules[package]).keys() - {"TYPE_CHECKING", "lazy"}
        return sorted({*own, *home_of, *modules})

    return find, names
