"""Known materials and atom sites: read from files and providers, written in the formats that others read."""
