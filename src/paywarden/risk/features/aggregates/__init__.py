"""One file per aggregate function."""
