"""What stays up: settings, specs, the store, intake and the command line."""
