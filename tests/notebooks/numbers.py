"""Two printed texts compared: words exactly, numbers up to what machines differ in."""

from __future__ import annotations

import re

NUMBER = re.compile(r"(?<![\w.])[-+−]?\d+(?:\.\d*)?(?:e[-+]?\d+)?", re.IGNORECASE)
# Below, numbers are rounding errors of a log-likelihood: remaining gains, scores, eigenvalues.
ROUNDING = 1e-6
RELATIVE = 1e-3
# How often starts end in an optimum may hang on the last bit of a start.
HITS = re.compile(r"best of \d+ starts, \d+ distinct optima, this one reached \d+ times")

# What has no standard error because nothing determines it ends anywhere.
WITHHELD = re.compile(r"^(.*\S)[ ]+\S+[ ]+withheld", re.MULTILINE)


def differences(before: str, after: str) -> list[tuple[str, str]]:
    """Pairs of tokens that differ; a pair of whole texts if their words do.

    Numbers agree to a relative 1e-3 or to one unit of their last place, whichever is larger; whole
    numbers agree exactly.

    Examples
    --------
    >>> differences("loglik 1.2344", "loglik  1.2345")
    []
    >>> differences("3 of 40 nats: 5.1e-8", "3 of 41 nats: 2e-9")
    [('40', '41')]
    >>> differences("certified: yes", "certified: NO")
    [('certified: yes', 'certified: NO')]
    """
    before, after = (WITHHELD.sub(r"\1 # withheld", HITS.sub("search", t)) for t in (before, after))
    words = [" ".join(NUMBER.sub("#", text).split()) for text in (before, after)]
    if words[0] != words[1]:
        return [(before, after)]
    pairs = zip(NUMBER.findall(before), NUMBER.findall(after), strict=True)
    return [(a, b) for a, b in pairs if not same(a, b)]


def same(a: str, b: str) -> bool:
    """Whether two printed numbers stand for one."""
    if not is_fractional(a) and not is_fractional(b):
        return a == b
    x, y = (float(text.replace("−", "-")) for text in (a, b))
    return abs(x - y) <= max(ROUNDING, RELATIVE * abs(x), 1.01 * max(unit(a), unit(b)))


def is_fractional(text: str) -> bool:
    """Whether a number is printed with a point or an exponent."""
    return "." in text or "e" in text.lower()


def unit(text: str) -> float:
    """One unit of the last place that is printed."""
    mantissa, _, exponent = text.lower().partition("e")
    places = len(mantissa.partition(".")[2])
    return float(10.0 ** (int(exponent or 0) - places))
