"""The key agent: the one process that holds keys of the card data environment."""
