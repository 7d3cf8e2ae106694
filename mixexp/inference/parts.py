"""An objective bound to one part of its rows after the other, for sums it has no pass for."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from mixexp.estimation.data import Data

if TYPE_CHECKING:
    from mixexp.estimation.objective import Objective


def on_part(objective: Objective, part: Data) -> Objective:
    """The same objective of some of its rows only; its work space is shared.

    Parameters
    ----------
    objective : Objective
    part : Data
        One of ``objective.data.parts()``.
    """
    bound = copy(objective)
    bound.data = part
    return bound
