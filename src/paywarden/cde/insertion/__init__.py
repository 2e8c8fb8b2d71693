"""Where a card number goes into messages of other standards: 3-D Secure and ISO 8583."""
