"""Distances and divergences between two laws, by quadrature, sums or simulation."""
