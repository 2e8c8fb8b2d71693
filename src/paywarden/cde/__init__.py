"""The card data environment: the only room that holds card numbers and their keys."""
