"""What the store has to tell people: the best crystals, where the money went, documents and exports."""
