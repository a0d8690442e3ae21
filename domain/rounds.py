"""How rounds are counted: by an index from 0 in data and addresses, by a number from 1 in what people read."""


def round_number(index: int) -> int:
    """What people call the round with this index: the first one is round 1."""
    return index + 1
