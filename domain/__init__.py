"""The shared language of Petalite: frozen types, units, state machines, ports and errors; no I/O and no framework."""
