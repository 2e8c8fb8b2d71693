"""Tables of client keys and accepted signatures, and their migrations."""
