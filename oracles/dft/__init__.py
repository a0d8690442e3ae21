"""Density functional theory through ASE calculators: what is known here of the codes behind them."""
