"""Arms in words: where they start and when they stop."""

from __future__ import annotations

from collections.abc import Mapping

from mixexp.simulation.claims.arms import Arm, LiteratureEM, NearTruth, Search, Unfitted
from mixexp.simulation.claims.claim import Claim

_WHOSE = {"literature": "the literature's", "em": "the paper's"}


def arm_words(arm: Arm) -> str:
    """What an arm does; the name of an arm of another class.

    Examples
    --------
    >>> arm_words(NearTruth()), arm_words(LiteratureEM(max_iter=1))
    ('starts near the truth, certified', 'one EM step')
    """
    if isinstance(arm, Search):
        return "data-driven starts, certified"
    if isinstance(arm, NearTruth):
        return "starts near the truth, certified"
    if isinstance(arm, LiteratureEM):
        if arm.max_iter == 1:
            return "one EM step"
        return f"EM by {_WHOSE.get(arm.name, 'a')} rule"
    return "start, not fitted" if isinstance(arm, Unfitted) else arm.name


def arm_labels(claim: Claim) -> Mapping[str, str]:
    """Names of arms to their words; the first is the one that counts.

    Arms that would be called the same have their names behind.
    """
    words = [arm_words(arm) for arm in claim.arms]
    clear = [
        word if words.count(word) == 1 else f"{word} ({arm.name})"
        for arm, word in zip(claim.arms, words, strict=True)
    ]
    first, *others = clear
    names = [arm.name for arm in claim.arms]
    return dict(zip(names, [f"{first} (counts)", *others], strict=True))
