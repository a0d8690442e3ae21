"""The command line: `petalite --help`."""
