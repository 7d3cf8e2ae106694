"""The distinct optima of a joint fit, kept without the data they were found on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mixexp.estimation.certificate import Certificate
from mixexp.estimation.gllim.fit import JointOptimum
from mixexp.models.gllim import GLLiMParams

if TYPE_CHECKING:
    from pandas import DataFrame

Array = NDArray[np.float64]


@dataclass(frozen=True)
class GenerativeOptimum:
    """One local maximum.

    ``standard`` are its parameters on the solver's scale; ``joint_loglik`` and ``loglik`` the joint
    and the conditional log-likelihood on the user's, nats.
    """

    standard: GLLiMParams
    joint_loglik: float
    loglik: float
    certificate: Certificate
    shares: Array
    flags: tuple[str, ...]
    n_hits: int
    start: str
    n_iter: int

    @classmethod
    def build(cls, optimum: JointOptimum, loglik: float) -> GenerativeOptimum:
        """The record of an optimum with this conditional log-likelihood."""
        return cls(
            optimum.standard, optimum.value, loglik, optimum.certificate, optimum.shares,
            flags(optimum), optimum.n_hits, optimum.kind, optimum.n_iter,
        )  # fmt: skip

    def rank(self) -> tuple[bool, bool, float]:
        """Sort key: neither thin nor on a floor before others, certified before not, then value."""
        spoilt = {"thin expert", "scale on floor"} & set(self.flags)
        return (not spoilt, self.certificate.holds, self.loglik)

    def adding(self, findings: tuple[str, ...]) -> GenerativeOptimum:
        """The same optimum with further findings in its certificate."""
        return replace(self, certificate=self.certificate.adding(findings))


def flags(optimum: JointOptimum) -> tuple[str, ...]:
    """Short flags of an optimum."""
    facts = {
        "not certified": not optimum.certificate.holds,
        "thin expert": bool(optimum.thin),
        "scale on floor": bool(optimum.on_floor),
        "on bound": bool(optimum.certificate.active_bounds),
        "null directions": optimum.certificate.n_null > 0,
    }
    return tuple(flag for flag, holds in facts.items() if holds)


def table(optima: list[GenerativeOptimum]) -> DataFrame:
    """The optima as a data frame, the default answer first."""
    from pandas import DataFrame

    return DataFrame([
        {
            "joint_loglik": o.joint_loglik,
            "loglik": o.loglik,
            "certified": o.certificate.holds,
            "remaining_gain": o.certificate.remaining_gain,
            "shares": tuple(float(s) for s in np.round(o.shares, 4)),
            "flags": ", ".join(o.flags),
            "n_hits": o.n_hits,
            "start": o.start,
            "n_iter": o.n_iter,
        }
        for o in optima
    ])  # fmt: skip
