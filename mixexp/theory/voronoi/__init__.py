"""Voronoi losses: cells, alignment over translations, the engine that sums a table of exponents."""
