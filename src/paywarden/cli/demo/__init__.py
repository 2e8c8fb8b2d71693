"""The demonstration: simulated people and attackers against a real server, watched live."""
