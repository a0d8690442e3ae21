"""The stages in which a crystal is imagined, one after the other."""
