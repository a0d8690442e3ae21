"""What Petalite believes about crystals, and what a look is worth."""
