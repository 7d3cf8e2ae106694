"""Named truths, the law of their covariates, and how easy they are."""
