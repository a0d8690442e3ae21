"""From the paths of ions to a conductivity that can be trusted: pure numerics, no potential and no dynamics."""
