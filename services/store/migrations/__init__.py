"""How a store of an older Petalite becomes one of this Petalite."""
