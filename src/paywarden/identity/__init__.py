"""Who may ask: API keys now; principals, roles and approvals come with the trust room."""
