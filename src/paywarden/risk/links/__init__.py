"""Links: which cards, devices, addresses, e-mails and accounts belong together, and who is bad."""
