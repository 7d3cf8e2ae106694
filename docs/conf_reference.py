"""Where a public name is documented: once, at the first module of the reference that exports it."""

from __future__ import annotations

import importlib
import inspect
import re
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

INDEX = Path(__file__).resolve().parent / "api" / "index.md"


@cache
def modules() -> tuple[str, ...]:
    """The modules of the reference, in order."""
    return tuple(re.findall(r"^   (mixexp[\w.]*)$", INDEX.read_text("utf-8"), re.MULTILINE))


def public(module: ModuleType) -> list[str]:
    """Names a module exports: its ``__all__``, or what it defines without an underscore."""
    names = getattr(module, "__all__", None)
    if names is not None:
        return [name for name in names if not name.startswith("_")]
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]


def kind(value: Any) -> str:
    """Which list of a module's page an object belongs to."""
    if inspect.ismodule(value):
        return "modules"
    if inspect.isclass(value):
        return "exceptions" if issubclass(value, Exception) else "classes"
    return "functions" if inspect.isroutine(value) else "attributes"


@cache
def homes() -> dict[int, str]:
    """Dotted name under which each object is documented, by its identity."""
    found: dict[int, str] = {}
    for dotted in modules():
        module = importlib.import_module(dotted)
        for name in public(module):
            value = getattr(module, name)
            if kind(value) != "attributes":
                found.setdefault(id(value), f"{dotted}.{name}")
    return found


def listed(dotted: str) -> dict[str, list[str]]:
    """Names on the page of a module: by kind, and under ``elsewhere`` those documented before."""
    module = importlib.import_module(dotted)
    lists: dict[str, list[str]] = {"elsewhere": []}
    for name in sorted(public(module), key=str.lower):
        value = getattr(module, name)
        home = homes().get(id(value), f"{dotted}.{name}")
        if home == f"{dotted}.{name}":
            lists.setdefault(kind(value), []).append(name)
        else:
            lists["elsewhere"].append(home)
    return lists


def home_of(target: str) -> str | None:
    """Where the object that a role names is documented, or None."""
    parts = target.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            value: Any = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        for position, name in enumerate(parts[cut:], cut + 1):
            value = getattr(value, name, None)
            if id(value) in homes():
                return ".".join([homes()[id(value)], *parts[position:]])
        return None
    return None
