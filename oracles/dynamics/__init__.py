"""Molecular dynamics that a kill cannot hurt."""
