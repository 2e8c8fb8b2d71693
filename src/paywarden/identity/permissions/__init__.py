"""Who may do what: roles, permissions and the conditions on them, denied by default."""
