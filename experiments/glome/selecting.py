"""What every criterion selects in each data set, from the recorded table of fits."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

from mixexp.selection import (
    Candidates,
    UnreliableSelectionWarning,
    aic,
    bic,
    icl,
    slope_heuristics,
)

if TYPE_CHECKING:
    import pandas as pd

CRITERIA = ("AIC", "BIC", "ICL", "jump", "slope")


class Contrast(NamedTuple):
    """A negative log-likelihood and the dimension that belongs to it, as columns."""

    name: str
    nll: str
    dim: str


CONTRASTS = (
    Contrast("joint", "joint_nll", "dim"),
    Contrast("conditional", "conditional_nll", "conditional_dim"),
)


def select(path: pd.DataFrame, n: int, contrast: Contrast) -> dict[str, Any]:
    """Selected number of experts by criterion, and whether the slope heuristics may be believed.

    A rule that could not run selects None. ``trustworthy`` is the verdict of
    :mod:`mixexp.selection.validity` on both slope rules together.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> k = np.arange(1, 16)
    >>> nll = 1000.0 / k**4 - 3.0 * k + 0.3 * np.sin(k**2)
    >>> path = pd.DataFrame({"experts": k, "joint_nll": nll, "dim": 6 * k - 1, "entropy": 0.0})
    >>> chosen = select(path, 2000, CONTRASTS[0])
    >>> {name: int(chosen[name]) for name in CRITERIA}, chosen["trustworthy"]
    ({'AIC': 4, 'BIC': 3, 'ICL': 3, 'jump': 4, 'slope': 4}, True)
    """
    nll, dim = path[contrast.nll].astype(float), path[contrast.dim].astype(float)
    values = {
        "AIC": [aic(-c, d) for c, d in zip(nll, dim, strict=True)],
        "BIC": [bic(-c, d, n) for c, d in zip(nll, dim, strict=True)],
        "ICL": [icl(-c, d, n, h) for c, d, h in zip(nll, dim, path["entropy"], strict=True)],
    }
    experts = path["experts"].tolist()
    chosen: dict[str, Any] = {
        name: min(zip(each, experts, strict=True))[1] for name, each in values.items()
    }
    table = Candidates.from_frame(
        path, name="experts", complexity=contrast.dim, contrast=contrast.nll
    )
    try:
        # The verdict is recorded and counted; a warning for every data set would say no more.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnreliableSelectionWarning)
            found = slope_heuristics(table)
    except ValueError:
        return {**chosen, "jump": None, "slope": None, "trustworthy": False}
    jump = found.jump.selected if found.jump is not None else None
    slope = found.slope.selected if found.slope is not None else None
    return {**chosen, "jump": jump, "slope": slope, "trustworthy": found.trustworthy}


def selections(frame: pd.DataFrame, label: str) -> pd.DataFrame:
    """One row a data set, contrast and criterion: what was selected, and the losses of that model.

    Parameters
    ----------
    frame : DataFrame
        Rows of fits, with the columns n, replicate, `label` and those of
        :func:`experiments.glome.paths.row_of`.
    label : str
        Column that tells apart what is compared: the process, or the covariate.
    """
    import pandas as pd

    rows = []
    for (name, n, replicate), path in frame.groupby([label, "n", "replicate"]):
        by_experts = path.set_index("experts")
        for contrast in CONTRASTS:
            chosen = select(path, int(n), contrast)
            for criterion in CRITERIA:
                k = chosen[criterion]
                row = {label: name, "n": int(n), "replicate": int(replicate),
                       "contrast": contrast.name, "criterion": criterion, "selected": k,
                       "trustworthy": chosen["trustworthy"]}  # fmt: skip
                if k is not None and "kl" in by_experts:
                    row["kl"] = float(by_experts.loc[k, "kl"])
                rows.append(row)
    return pd.DataFrame(rows)


def counts(found: pd.DataFrame, max_experts: int) -> list[int]:
    """How often 2 or fewer, 3, 4, ..., max_experts were selected: the bars of the published plots.

    Examples
    --------
    >>> import pandas as pd
    >>> counts(pd.DataFrame({"selected": [1, 2, 2, 4]}), 5)
    [3, 0, 1, 0]
    """
    pooled = found["selected"].dropna().astype(int).clip(lower=2)
    return [int((pooled == k).sum()) for k in range(2, max_experts + 1)]
