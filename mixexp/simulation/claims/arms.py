"""Arms of a claim: how the likelihood is maximised, from which starts, until when."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Arm:
    """A way to fit; ``name`` names its rows.

    Parameters
    ----------
    name : str
    n_starts : int
        Starts; the highest optimum they end in counts, on a bound of Θ or not.
    """

    name: str
    n_starts: int


@dataclass(frozen=True)
class Search(Arm):
    """Data-driven and separated starts, screened on a subsample; Newton to a certificate.

    The arm that counts: it knows nothing of the truth.

    Examples
    --------
    >>> Search(n_starts=12).name
    'search'
    """

    name: str = "search"
    n_starts: int = 12


@dataclass(frozen=True)
class NearTruth(Arm):
    """The same solver and certificate, from starts near the truth, as studies in the literature.

    Examples
    --------
    >>> NearTruth().n_starts
    4
    """

    name: str = "near"
    n_starts: int = 4


@dataclass(frozen=True)
class LiteratureEM(Arm):
    """EM from the same starts near the truth, stopped by the literature's rule; not certified.

    It stops once ``|l_t - l_(t-1)| <= rtol |l_(t-1)|`` in the log-likelihood l, or after
    ``max_iter`` steps. The best of the starts by likelihood counts.

    Parameters
    ----------
    rtol : float
    max_iter : int

    Raises
    ------
    ValueError
        If rtol is negative or there is no step.
    """

    name: str = "literature"
    n_starts: int = 4
    rtol: float = 1e-6
    max_iter: int = 2000

    def __post_init__(self) -> None:
        if not (self.rtol >= 0.0 and self.max_iter >= 1):
            raise ValueError(
                f"rtol={self.rtol}, max_iter={self.max_iter}: EM needs rtol >= 0 and a step or more"
            )


@dataclass(frozen=True)
class Unfitted(Arm):
    """The first start near the truth itself: what a curve shows if the fit never moves."""

    name: str = "start"
    n_starts: int = 1


USUAL: tuple[Arm, ...] = (Search(), NearTruth(), LiteratureEM(), Unfitted())
"""All four arms with their defaults."""
