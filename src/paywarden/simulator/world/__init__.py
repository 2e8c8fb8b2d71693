"""People, cards, devices, networks, merchants, and what they do on a day without attacks."""
