"""Looks in child processes: the parent's side, the worker's side, and what they say to each other."""
