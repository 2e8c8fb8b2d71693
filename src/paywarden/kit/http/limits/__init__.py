"""Rate limits and fair admission: how often, from where, and how many at once."""
