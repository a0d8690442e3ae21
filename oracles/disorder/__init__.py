"""Ordered crystals in place of a disordered one, whose sites are shared or partly vacant.

Start reading at `ordering.py`. Legend: S sites of the supercell, K arrangements, L labels (the species, then vacancy),
P permutations of the sites by symmetry.
"""
