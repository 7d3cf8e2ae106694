"""How the numbers of the report come about, in words."""

from __future__ import annotations


def method(comparisons: int) -> list[str]:
    """Arms, slopes, intervals, the rule of the verdicts, logarithms and the correction."""
    return [
        "Likelihood is maximised on a declared compact Θ. The first arm counts: data-driven and "
        "separated starts, Newton's method to a certificate. It knows nothing of the truth.",
        "The other arms show what would have been seen otherwise: the same solver from starts near "
        "the truth, EM from there stopped by the literature's rule or after one step, and the "
        "start itself, not fitted at all.",
        "Every fit counts, certified or not, at a bound or not. Errors without a logarithm (zero, "
        "or no such cell in that fit) are left out and counted.",
        "A slope is the least-squares line of the geometric means of the errors on log n, weighted "
        "by replicates; slopes of medians and of means stand beside it.",
        "Intervals are 95 % bootstrap intervals over replicates within sizes.",
        "Verdicts, the first that applies: no finite exponent predicted; not resolved with fewer "
        "than 3 sizes; steeper than the bound, or shallower, if the interval excludes the "
        "predicted exponent, for a plateau the whole band of slopes ±0.05 (or ± the declared "
        "resolution); not resolved if it contains it but its half-width is larger than half of "
        "the exponent, or than 0.15 (or than the declared resolution), for a plateau if it "
        "reaches beyond the band; agrees.",
        "Theorems are upper bounds on errors, so steeper slopes do not contradict them. A plateau "
        "is predicted where theory says that a quantity does not converge.",
        "Published bounds carry a logarithm, (log n / n)^s, whose local slope is "
        "-s (1 - 1/log n), about 0.06 shallower than -1/2 at these sizes; the rule compares with "
        "the bare exponent, so a slope called shallower that is closer to it than that does not "
        "contradict such a bound, which stands beside it.",
        f"{comparisons} slopes are compared with a finite exponent. Exclusions are repeated with "
        "intervals of Bonferroni's level for that number. Everything that is counted is counted "
        'after this correction, which makes exclusions that do not survive it "not resolved"; '
        "the tables of the claims show the verdict at 95 % and say which do not survive.",
        "Detectable: exponents that far from theory would have been told from it with probability "
        "80 %. What lies between was not tested.",
        "Computed exponents r are deterministic: the Hellinger distance h of two laws is about ε^r "
        "when a parameter is off by ε and all others are fitted as well as possible. Data cannot "
        "see h below n^(-1/2), which implies the slope -1/(2r).",
    ]
