"""Where sightings are kept."""
