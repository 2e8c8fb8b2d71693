"""The life of a ruleset from submission to live: shadow, staged shares, guardrails, roll-back."""
