"""What cryptography the environment uses, as a document made from the code and the live keys."""
