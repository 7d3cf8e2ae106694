"""From the rows of a claim to slopes, verdicts, counts and tables."""
