"""Worlds of transfers between accounts: ordinary life, laundering, innocents who look alike."""
