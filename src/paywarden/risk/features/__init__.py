"""Named windows over events: the catalogue, the event arena, its plain twin."""
