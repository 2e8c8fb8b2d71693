"""Rights of the people that payments speak of."""
