"""Back-test: a policy over recorded or outside payments, as if it had decided then."""
