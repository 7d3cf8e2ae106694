r"""Predicted rates of convergence of the maximum likelihood estimator, model by model.

A loss of order :math:`(\log n/n)^{1/2}` in which a block has the power r says that errors of the
block are of order :math:`n^{-1/(2r)}`, up to logarithms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from mixexp.theory.rate_claims import CLAIMS

if TYPE_CHECKING:
    import pandas


@overload
def rates(model: str | None = ..., *, as_frame: Literal[False] = ...) -> list[dict[str, Any]]: ...


@overload
def rates(model: str | None = ..., *, as_frame: Literal[True]) -> pandas.DataFrame: ...


def rates(
    model: str | None = None, *, as_frame: bool = False
) -> list[dict[str, Any]] | pandas.DataFrame:
    r"""Predicted rates :math:`n^{-1/(2r)}`, up to logarithms, of every block of every model.

    Parameters
    ----------
    model : str, optional
        Name of a module of :mod:`mixexp.theory.losses`, such as ``"softmax_gaussian"``; by
        default all models.
    as_frame : bool
        Return a pandas data frame instead of a list.

    Returns
    -------
    list of dict, or pandas.DataFrame
        ``model``; ``gate``; ``regime``, "exact" for the right number of experts, "over" for more,
        or what is assumed of the truth; ``size``, number of fitted atoms in the cell of a true
        one, "1", "2", "3", ">1" or "any"; ``block``, or "weight" for the total weight of a cell,
        "density" for the Hellinger distance between densities, "boundary" for the places where
        the active experts change; ``power``, r, infinite if no polynomial rate holds or the block
        is not identified; ``rate``; ``source``; ``status``, "stated in the literature", "derived
        here" or "refuted", when power and rate are those of the statement that an exact
        counterexample refutes; ``note``, which says so if a statement is known from secondary
        sources only. For cells of more than three atoms call the table of the loss. r-bar is
        2m: stated in the literature for m = 2, 3; derived here, not refereed, for m >= 4.

    Raises
    ------
    ValueError
        If no such model is known.

    Examples
    --------
    >>> for row in rates("softmax_gaussian"):
    ...     if row["size"] == "2" and row["block"] == "gate_coef":
    ...         print(row["regime"], row["rate"], row["status"])
    over n^(-1/8) stated in the literature
    over n^(-1/4) derived here
    over, k >= 2 k* n^(-1/8) refuted
    """
    known = dict.fromkeys(claim.model for claim in CLAIMS)
    if model is not None and model not in known:
        raise ValueError(f"model is {model!r}; use one of {tuple(known)}")
    rows = [claim._asdict() for claim in CLAIMS if model in (None, claim.model)]
    if not as_frame:
        return rows
    import pandas

    return pandas.DataFrame(rows)
