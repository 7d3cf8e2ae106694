"""The claims: every file of ``experiments/claims`` holds one, or a few that belong together."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from fnmatch import fnmatchcase

from experiments import claims as package
from mixexp.simulation.claims.claim import Claim


def catalogue() -> dict[str, list[Claim]]:
    """File names to their claims, in alphabetical order.

    Raises
    ------
    ValueError
        If two claims have one name, or a name is not that of its file with or without a suffix.
    """
    found: dict[str, list[Claim]] = {}
    names: set[str] = set()
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        found[info.name] = list(getattr(module, "CLAIMS", None) or [module.CLAIM])
        for claim in found[info.name]:
            if claim.name in names or not f"{claim.name}_".startswith(f"{info.name}_"):
                raise ValueError(
                    f"claim {claim.name!r} of {info.name}.py needs a name of its own: "
                    f"{info.name!r}, or that with a suffix after '_'"
                )
            names.add(claim.name)
    return found


def select(patterns: Sequence[str]) -> list[Claim]:
    """Claims whose name, or whose file's name, matches one of the patterns; all without patterns.

    A pattern that is the name of a claim means that claim alone, also where its file is called so.

    Raises
    ------
    ValueError
        If a pattern matches nothing.
    """
    files = catalogue()
    every = [(stem, claim) for stem, claims in files.items() for claim in claims]
    if not patterns:
        return [claim for _, claim in every]
    chosen: dict[str, Claim] = {}
    for pattern in patterns:
        matching = [
            claim
            for stem, claim in every
            if fnmatchcase(claim.name, pattern) or fnmatchcase(stem, pattern)
        ]
        matching = [claim for claim in matching if claim.name == pattern] or matching
        if not matching:
            known = ", ".join(claim.name for _, claim in every)
            raise ValueError(f"no claim matches {pattern!r}; there are {known}")
        chosen |= {claim.name: claim for claim in matching}
    return list(chosen.values())
