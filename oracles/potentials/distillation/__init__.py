"""A small, fast potential that is taught by a large one: crystals, labels, training, errors, card."""
