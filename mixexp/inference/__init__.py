"""What a fit says about the law it was fitted to: standard errors, tests, intervals, effects."""
