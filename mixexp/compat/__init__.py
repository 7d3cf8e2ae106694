"""Adapters to packages that mixexp does not depend on; each is imported by its own name."""
