r"""Slope heuristics: both rules, and every check of their assumptions, in one result."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal

from mixexp.selection.candidates import Candidates, CannotRun, UnreliableSelectionWarning
from mixexp.selection.jump import DimensionJump, find_jump
from mixexp.selection.robust_line import Loss
from mixexp.selection.slope import SlopeEstimate, find_slope
from mixexp.selection.validity import (
    Check,
    check_agreement,
    check_contrast_falls,
    check_dominant_jump,
    check_interior,
    check_linear_tail,
    check_positive_slope,
)

Rule = Literal["jump", "slope"]


@dataclass(frozen=True, eq=False)
class SlopeHeuristics:
    """The dimension jump, the slope estimate, and whether they may be believed.

    Attributes
    ----------
    candidates : Candidates
    jump : DimensionJump or None
        None if the rule could not run; `findings` says why.
    slope : SlopeEstimate or None
        Likewise.
    rule : {"jump", "slope"}
        The rule that decides.
    checks : tuple of Check
    findings : tuple of str
        What else was noticed.
    """

    candidates: Candidates
    jump: DimensionJump | None
    slope: SlopeEstimate | None
    rule: Rule
    checks: tuple[Check, ...]
    findings: tuple[str, ...]

    @property
    def _deciding(self) -> DimensionJump | SlopeEstimate:
        return _decide(self.rule, self.jump, self.slope)

    @property
    def selected(self) -> Hashable:
        """Name of the model selected by `rule`; of doubtful worth unless `trustworthy`."""
        return self._deciding.selected

    @property
    def kappa(self) -> float:
        """The multiple of the penalty shape that `rule` applies."""
        return self._deciding.kappa

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that do not hold."""
        return tuple(check for check in self.checks if not check.ok)

    @property
    def trustworthy(self) -> bool:
        """Whether every check holds: necessary, not sufficient.

        :mod:`mixexp.selection.validity` says what the checks cannot see.
        """
        return not self.failed

    def summary(self) -> str:
        """Rules, checks and findings as text."""
        lines = [f"selected: {self.selected}, by the {_RULE_NAMES[self.rule]}"]
        lines[0] += "" if self.trustworthy else " -- NOT TRUSTWORTHY, see the checks"
        if self.jump is not None:
            lines.append(_line(_RULE_NAMES["jump"], self.jump))
        if self.slope is not None:
            low, high = self.slope.interval
            lines.append(
                _line(_RULE_NAMES["slope"], self.slope)
                + f", from {self.slope.n_points} models, interval {low:.4g} to {high:.4g}"
            )
        lines += map(str, self.checks)
        lines += [f"note: {finding}" for finding in self.findings]
        return "\n".join(textwrap.fill(line, 100, subsequent_indent="    ") for line in lines)

    def __str__(self) -> str:
        return self.summary()


def slope_heuristics(
    candidates: Candidates,
    factor: float = 2.0,
    *,
    rule: Rule = "jump",
    plateau: float = 0.15,
    min_points: int | None = None,
    loss: Loss = "bisquare",
) -> SlopeHeuristics:
    r"""Select :math:`\arg\min_m\gamma_m+c\hat\kappa p_m` with two estimates of :math:`\hat\kappa`.

    The constant of the penalty comes from the data: contrasts of models without bias fall like
    :math:`-\hat\kappa p_m`, and twice that slope is the penalty. :func:`dimension_jump` and
    :func:`slope_estimation` both run. If they disagree, the one named by `rule` decides, and the
    result is not trustworthy. The jump is the default because it is the steadier one: in the
    simulations of the source the slope sometimes takes the largest models.

    Parameters
    ----------
    candidates : Candidates
        At least 11; with 10 models only the slope can be estimated, which a check then states.
    factor : float
        c, by which the minimal penalty is multiplied.
    rule : {"jump", "slope"}
        The rule that decides.
    plateau, min_points, loss
        Of :func:`slope_estimation`.

    Returns
    -------
    SlopeHeuristics

    Raises
    ------
    ValueError
        If neither rule can run, or an option is out of range.

    Warns
    -----
    UnreliableSelectionWarning
        If a check does not hold.

    References
    ----------
    Baudry, J.-P., Maugis, C. and Michel, B. (2012). Slope heuristics: overview and implementation.
    Statistics and Computing 22, 455-470.

    Examples
    --------
    >>> import numpy as np
    >>> experts = np.arange(1, 16)
    >>> wobble = 0.3 * np.sin(experts**2)
    >>> contrast = 1000.0 / experts**4 - 3.0 * experts + wobble
    >>> result = slope_heuristics(Candidates.from_arrays(6 * experts - 1, contrast))
    >>> print(result)
    selected: 4, by the dimension jump
    dimension jump: 4, minimal penalty 0.5062, applied 1.012
    slope estimation: 4, minimal penalty 0.5092, applied 1.018, from 8 models, interval ...
    [ok] positive slope: slopes on the plateau run from 0.506 to 0.5945
    ...
    >>> result.trustworthy
    True
    """
    if rule not in _RULE_NAMES:
        raise ValueError(f"rule is {rule!r}; use one of {tuple(_RULE_NAMES)}")
    jump = slope = None
    failures: list[tuple[Rule, str]] = []
    try:
        jump = find_jump(candidates, factor)
    except CannotRun as error:
        failures.append(("jump", str(error)))
    try:
        slope = find_slope(candidates, factor, plateau, min_points, loss)
    except CannotRun as error:
        failures.append(("slope", str(error)))
    if jump is None and slope is None:
        raise ValueError(
            "neither rule can run, use a criterion such as bic. "
            + "; ".join(dict.fromkeys(message for _, message in failures))
        )
    used: Rule = rule if (jump if rule == "jump" else slope) is not None else _other(rule)
    checks = _checks(candidates, jump, slope, _decide(used, jump, slope).selected)
    lacking = [
        Check("both rules", False, f"the {_RULE_NAMES[name]} could not run: {message}")
        for name, message in failures
    ]
    found = [*(jump.findings if jump else ()), *(slope.findings if slope else ())]
    result = SlopeHeuristics(
        candidates, jump, slope, used, (*lacking, *checks), tuple(dict.fromkeys(found))
    )
    if not result.trustworthy:
        failed = "; ".join(f"{check.name}: {check.sentence}" for check in result.failed)
        warnings.warn(
            UnreliableSelectionWarning(
                f"{result.selected} is selected, but not reliably. {failed}"
            ),
            stacklevel=2,
        )
    return result


_RULE_NAMES: dict[Rule, str] = {"jump": "dimension jump", "slope": "slope estimation"}


def _decide(
    rule: Rule, jump: DimensionJump | None, slope: SlopeEstimate | None
) -> DimensionJump | SlopeEstimate:
    result = jump if rule == "jump" else slope
    assert result is not None
    return result


def _other(rule: Rule) -> Rule:
    return "slope" if rule == "jump" else "jump"


def _checks(
    candidates: Candidates,
    jump: DimensionJump | None,
    slope: SlopeEstimate | None,
    selected: Hashable,
) -> list[Check]:
    checks = []
    if slope is not None:
        checks += [check_positive_slope(slope), check_linear_tail(slope)]
    if jump is not None:
        checks.append(check_dominant_jump(jump))
    if jump is not None and slope is not None:
        checks.append(check_agreement(jump, slope))
    return [
        *checks,
        check_contrast_falls(candidates),
        check_interior(candidates, selected),
    ]


def _line(name: str, result: DimensionJump | SlopeEstimate) -> str:
    return (
        f"{name}: {result.selected}, minimal penalty {result.kappa_hat:.4g}, "
        f"applied {result.kappa:.4g}"
    )
