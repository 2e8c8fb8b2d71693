"""Typologies over tables: the same files as expressions for DuckDB and any other Ibis back end."""
