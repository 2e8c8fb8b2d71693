"""Many cards at once: in from another vault, out to one, sealed to one key on the way."""
