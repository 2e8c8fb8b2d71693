"""The card data environment: the only room that can name a whole card number."""
