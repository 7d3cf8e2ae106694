"""Compiled kernels: arrays in, arrays out.

Every array is a C-contiguous float64 array that the library allocated itself, so each kernel has
one signature and is compiled once. Blocks are stored structure-of-arrays, shape
``(n_experts, n_rows)``, which lets the compiler vectorise over rows. A kernel calls compiled
functions of its own file only: the on-disk cache does not notice a change in another one.
"""
