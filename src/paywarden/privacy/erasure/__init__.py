"""Erasing a person: the approved end of the keys that their data is sealed under."""
