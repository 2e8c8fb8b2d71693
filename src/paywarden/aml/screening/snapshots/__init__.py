"""Snapshots of lists: kept, signed, compared, approved and taken back."""
