"""Maximum likelihood: objective, solvers, starts and the certificate of what they found."""
