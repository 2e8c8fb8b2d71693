"""The vault: cards under lock, tokens that stand for them, and nothing that could open one."""
