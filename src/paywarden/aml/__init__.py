"""Money laundering and sanctions: screening of names against lists."""
