"""Four eyes: dangerous acts wait for other people, and are then done once by the system."""
