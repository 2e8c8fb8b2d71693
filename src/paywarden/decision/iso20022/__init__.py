"""Payments that come as ISO 20022 messages: pacs.008 between banks, pain.001 from customers."""
