"""What the elements are called, for people who read and for programs that read aloud: "Li" is no word."""

from types import MappingProxyType
from typing import Final

from domain.elements import Element

_TEXT: Final = (
    "hydrogen helium lithium beryllium boron carbon nitrogen oxygen fluorine neon sodium magnesium aluminium silicon "
    "phosphorus sulfur chlorine argon potassium calcium scandium titanium vanadium chromium manganese iron cobalt "
    "nickel copper zinc gallium germanium arsenic selenium bromine krypton rubidium strontium yttrium zirconium "
    "niobium molybdenum technetium ruthenium rhodium palladium silver cadmium indium tin antimony tellurium iodine "
    "xenon caesium barium lanthanum cerium praseodymium neodymium promethium samarium europium gadolinium terbium "
    "dysprosium holmium erbium thulium ytterbium lutetium hafnium tantalum tungsten rhenium osmium iridium platinum "
    "gold mercury thallium lead bismuth polonium astatine radon francium radium actinium thorium protactinium uranium "
    "neptunium plutonium"
)
"""By atomic number, from 1; as IUPAC writes them."""
NAMES: Final = MappingProxyType({Element(number).symbol: name for number, name in enumerate(_TEXT.split(), start=1)})
"""By symbol, up to plutonium."""
