"""Stores of approvals."""
