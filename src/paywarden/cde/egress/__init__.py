"""Use of a card number without seeing it: forwarding, the exceptional reveal, destinations."""
