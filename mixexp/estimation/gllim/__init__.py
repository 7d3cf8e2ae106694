"""Maximum likelihood for Gaussian locally linear mappings: EM, Newton, starts, certificates."""
