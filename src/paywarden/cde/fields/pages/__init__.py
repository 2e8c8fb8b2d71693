"""Files that hosted fields serve, as they are."""
