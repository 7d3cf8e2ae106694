"""The public names of mixexp with their signatures: ``python -m tests.api.surface`` writes them.

The file ``surface.json`` is what users may rely on in the version it names. A change of it is a
change of the interface: it belongs in the changelog.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import mixexp

FILE = Path(__file__).with_name("surface.json")
REMEDY = (
    "If the change is meant, tell users in CHANGELOG.md and write the file anew: "
    "python -m tests.api.surface"
)
# The first that exports an object is its home; the others refer to it.
MODULES = (
    "mixexp",
    "mixexp.models",
    "mixexp.models.covariances",
    "mixexp.models.gllim",
    "mixexp.estimation.identifiability",
    "mixexp.estimation.solvers",
    "mixexp.inference.results",
    "mixexp.inference.covariance",
    "mixexp.inference.wald",
    "mixexp.inference.likelihood_ratio",
    "mixexp.inference.profile",
    "mixexp.inference.bootstrap",
    "mixexp.inference.n_experts_test",
    "mixexp.inference.effects",
    "mixexp.inference.fitted",
    "mixexp.formula",
    "mixexp.persistence",
    "mixexp.selection",
    "mixexp.plotting",
    "mixexp.datasets",
    "mixexp.theory",
    "mixexp.simulation",
    "mixexp.simulation.claims",
)
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def surface() -> dict[str, str]:
    """Dotted public names, in order, with signatures; ``= name`` for one with another home."""
    homes: dict[int, str] = {}
    found: dict[str, str] = {}
    for dotted in MODULES:
        module = importlib.import_module(dotted)
        for name in sorted(_exported(module)):
            value, path = getattr(module, name), f"{dotted}.{name}"
            if inspect.isclass(value) or inspect.isroutine(value):
                home = homes.setdefault(id(value), path)
                if home != path:
                    found[path] = f"= {home}"
                    continue
            found.update(_described(path, value))
    return found


def _exported(module: ModuleType) -> list[str]:
    """What ``__all__`` says, or else what the module itself defines."""
    own = [name for name, v in vars(module).items() if _module_of(v) == module.__name__]
    return [name for name in getattr(module, "__all__", own) if not name.startswith("_")]


def _module_of(value: Any) -> str:
    return value.__module__ if inspect.isclass(value) or inspect.isroutine(value) else ""


def _described(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if inspect.isclass(value):
        yield path, f"class{_signature(value)}"
        for name in sorted(_members(value)):
            member = inspect.getattr_static(value, name)
            if isinstance(member, staticmethod | classmethod):
                yield f"{path}.{name}", _signature(member.__func__)
            elif inspect.isroutine(member) and not isinstance(member, cached_property):
                yield f"{path}.{name}", _signature(member)
            else:
                yield f"{path}.{name}", "attribute"
    elif inspect.isroutine(value):
        yield path, _signature(value)
    else:
        yield path, f"value of type {type(value).__name__}"


def _members(value: type) -> set[str]:
    """Public names that classes of this library define; scikit-learn's own are its affair."""
    own = [base for base in value.__mro__ if base.__module__.split(".")[0] == "mixexp"]
    names = {name for base in own for name in (*vars(base), *vars(base).get("__annotations__", ()))}
    return {n for n in names if not n.startswith("_") and hasattr(value, n)} - _requests(names)


def _requests(names: set[str]) -> set[str]:
    return {name for name in names if name.startswith("set_") and name.endswith("_request")}


def _signature(value: Any) -> str:
    """Names, kinds and defaults of the parameters; types change without breaking anyone."""
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return "(...)"
    bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    text = str(signature.replace(parameters=bare, return_annotation=signature.empty))
    return _ADDRESS.sub("", text)


def changes(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """What differs, a line for each name: ``+`` added, ``-`` removed, ``~`` another signature."""
    lines = [f"- {name} {old[name]}" for name in old if name not in new]
    lines += [f"+ {name} {new[name]}" for name in new if name not in old]
    lines += [
        f"~ {name}\n    was {old[name]}\n    is  {new[name]}"
        for name in old
        if name in new and old[name] != new[name]
    ]
    return lines


def recorded() -> dict[str, Any]:
    """The file as it is."""
    return json.loads(FILE.read_text("utf-8"))


if __name__ == "__main__":
    record = {"version": mixexp.__version__, "names": surface()}
    FILE.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"{len(record['names'])} names of mixexp {mixexp.__version__}")
