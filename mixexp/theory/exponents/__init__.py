"""Exponents without simulation: how fast the density follows the parameters."""
