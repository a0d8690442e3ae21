"""How far two compositions are from each other."""

from collections.abc import Mapping
from functools import cache
from itertools import pairwise
from typing import Final

from domain.errors import InvalidValueError

SCALE: Final = "modified Pettifor scale"
"""Name of the order along which distances are counted."""
_ORDER: Final = (
    "He Ne Ar Kr Xe Rn Fr Cs Rb K Na Li Ra Ba Sr Ca Eu Yb Lu Tm Y Er Ho Dy Tb Gd Sm Pm Nd Pr Ce La Ac Th Pa U Np Pu "
    "Am Cm Bk Cf Es Fm Md No Lr Sc Zr Hf Ti Ta Nb V Cr Mo W Re Tc Os Ru Ir Rh Pt Pd Au Ag Cu Ni Co Fe Mn Mg Zn Cd Hg "
    "Be Al Ga In Tl Pb Sn Ge Si B C N P As Sb Bi Po Te Se S O At I Br Cl F H"
)
"""The elements in an order in which neighbours replace each other in known crystals most often.

Source: Glawe, Sanna, Gross and Marques, New Journal of Physics 18, 093011 (2016), figure 4.
"""


def composition_distance(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """The element mover's distance: how far an atom is moved on average to turn one composition into the other.

    An atom that becomes its neighbour on the modified Pettifor scale is moved by one place. On a line the cheapest way
    of moving is known: D = Σ |F(p) - G(p)| over the places p, where F and G are the shares of atoms up to a place.

    Args:
        one: Amount of each element by symbol, in any unit; above 0.
        other: Likewise.

    Returns:
        Places an atom; 0 for the same proportions, 0.2 between CaTiO3 and SrTiO3.

    Raises:
        InvalidValueError: If an element is not on the scale, or there is nothing at all.

    Source: Hargreaves, Dyer, Gaultois, Kurlin and Rosseinsky, Chemistry of Materials 32, 10610 (2020).
    """
    places = _places()
    excess: dict[int, float] = {}
    for amounts, sign in ((one, 1), (other, -1)):
        total = sum(amounts.values())
        if not total > 0 or not amounts.keys() <= places.keys():
            raise InvalidValueError(f"{dict(amounts)} is no composition.", remedy="Give amounts above 0 by element.")
        for symbol, amount in amounts.items():
            place = places[symbol]
            excess[place] = excess.get(place, 0.0) + sign * amount / total
    moved = carried = 0.0
    for here, following in pairwise(sorted(excess)):
        carried += excess[here]
        moved += abs(carried) * (following - here)
    return moved


@cache
def _places() -> dict[str, int]:
    return {symbol: place for place, symbol in enumerate(_ORDER.split())}
