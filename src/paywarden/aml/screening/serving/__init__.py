"""Screening in the payment path: parties of payments held against lists by a process of its own."""
