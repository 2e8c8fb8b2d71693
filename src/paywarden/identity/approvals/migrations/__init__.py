"""Schema migrations of approvals."""
