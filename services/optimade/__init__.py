"""The structures of the store as the OPTIMADE specification (1.2) wants them served."""
