"""Migration scripts of the kit tables."""
