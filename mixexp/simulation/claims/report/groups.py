"""Claims by paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mixexp.simulation.claims.judging.results import ClaimResult

_PAPERS = {
    "p0": "P0, softmax gate with Gaussian experts (arXiv:2305.03288)",
    "p1": "P1, softmax gate with classes as response (arXiv:2310.14188)",
    "p2": "P2, sparse top-K gate with Gaussian experts (arXiv:2309.13850)",
    "p3": "P3, gate with a temperature (arXiv:2401.13875)",
    "p4": "P4, Gaussian gate, joint law (arXiv:2305.07572)",
    "published": "Published simulations, run again with certified fits",
}
_OTHER = "Other claims"


class Group(NamedTuple):
    """The claims about one paper; `anchor` is that of its lines in the report."""

    title: str
    anchor: str
    results: tuple[ClaimResult, ...]


def groups(results: Sequence[ClaimResult]) -> tuple[Group, ...]:
    """Groups in the order of their first claims: the paper is the beginning of a claim's name."""
    found: dict[str, list[ClaimResult]] = {}
    for result in results:
        prefix = result.claim.name.split("_")[0]
        found.setdefault(prefix if prefix in _PAPERS else "other", []).append(result)
    return tuple(
        Group(_PAPERS.get(prefix, _OTHER), f"quantities-{prefix}", tuple(members))
        for prefix, members in found.items()
    )
