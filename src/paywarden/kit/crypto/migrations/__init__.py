"""Migration scripts of the subject key database."""
