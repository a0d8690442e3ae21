"""Where the elements stand in the periodic table."""

from typing import Final

_ROWS: Final = (
    "H . . . . . . . . . . . . . . . . He",
    "Li Be . . . . . . . . . . B C N O F Ne",
    "Na Mg . . . . . . . . . . Al Si P S Cl Ar",
    "K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr",
    "Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe",
    "Cs Ba La Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn",
    "Fr Ra Ac . . . . . . . . . . . . . . .",
    ". . . Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu .",
    ". . . Th Pa U Np Pu . . . . . . . . . .",
)
N_COLUMNS: Final = 18
ROWS: Final = tuple(tuple(None if cell == "." else cell for cell in row.split()) for row in _ROWS)
"""Symbols from left to right, None where there is nothing; lanthanides and actinides in two rows of their own."""
