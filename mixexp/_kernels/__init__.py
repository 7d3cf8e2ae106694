"""Compiled kernels: arrays in, arrays out.

Every array is a C-contiguous float64 array that the library allocated itself, so each kernel has
one signature and is compiled once. Blocks are stored structure-of-arrays, shape
``(n_experts, n_rows)``, which lets the compiler vectorise over rows; where a kernel divides, only
with numpy's rules for a division by zero, as Python's are a branch. The on-disk cache of a kernel
does not notice a change in another file: one that calls a kernel of another file names that file's
fingerprint in ``CALLS``, which a test compares.
"""
