"""Tables of transfers between accounts: reading them, and judging who is found laundering."""
