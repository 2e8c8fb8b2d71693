"""The edge: HTTP in front of the vault; takes card numbers in, never gives one out."""
