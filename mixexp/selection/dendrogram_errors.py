"""What is raised where atoms of a fit cannot be merged."""

from __future__ import annotations


class CannotMergeError(ValueError):
    """The atoms of this fit cannot be merged, or a merged measure cannot be evaluated.

    Examples
    --------
    >>> raise CannotMergeError("a fit of one expert")
    Traceback (most recent call last):
    mixexp.selection.dendrogram_errors.CannotMergeError: a fit of one expert
    """
