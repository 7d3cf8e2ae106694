"""A fit as a point of a larger model: the proof that one model lies within another."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from mixexp.inference.fitted import Fitted

Array = NDArray[np.float64]

# "class[0][1] x": what, of which expert, and the term, which may have brackets of its own.
_NAME = re.compile(r"(?P<kind>.*?)(?P<row>\[\d+\])(?: (?P<term>.+))?$")
# Nats by which the likelihoods of one law may differ in two parametrisations.
_SAME = 1e-6


def embed(nested: Fitted, full: Fitted) -> Array | None:
    """Where the law of one fit lies in the parameter space of another, ψ (P,); None if nowhere.

    Parameters are found by their names: those that only the larger model has are zero, and what
    experts or responses share in the smaller one is repeated for each of them in the larger one.
    Whether that is the same law is decided by its likelihood on the data of both.
    """
    source = dict(zip(nested.names, nested.psi, strict=True))
    psi = np.array([_value(name, source) for name in full.names])
    if len(source) > len(psi) or not np.isfinite(psi).all():
        return None
    theta = full.solver(psi)
    value = full.objective.evaluate(theta).value
    loglik = value + full.objective.penalty.value(theta) - full.objective.data.log_scale
    same = abs(loglik - nested.loglik) <= _SAME * (1.0 + 1e-6 * abs(nested.loglik))
    return psi if same else None


def _value(name: str, source: dict[str, float]) -> float:
    """The value of a parameter of the larger model under the smaller one."""
    return next((source[key] for key in _aliases(name) if key in source), 0.0)


def _aliases(name: str) -> list[str]:
    """Names under which a smaller model may have a parameter, the closest first."""
    match = _NAME.match(name)
    kind, row, term = (name, "", "") if match is None else match.group("kind", "row", "term")
    # "log-variance y0" of each response comes from one common "log-variance".
    common = "log-variance" if kind.startswith("log-variance y") else kind
    found = [name]
    for stem in dict.fromkeys((kind, common)):
        # A constant alone has no name of its own: "gate[0]" is "gate[0] 1".
        found += [f"{stem}{row}", stem] if term in (None, "", "1") else []
    return found
