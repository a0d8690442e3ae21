"""How new crystals are imagined."""
