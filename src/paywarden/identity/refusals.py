"""The refusals of signing in, worded so that they tell nothing about accounts.

Guards: an unknown name, a wrong password, a spent code and a locked account get one and the same
answer (CWE-204); what it really was stands in the audit log.
"""

from __future__ import annotations

from paywarden.core.errors import NotAuthenticated, NotPermitted


def sign_in_refused() -> NotAuthenticated:
    """One answer for every cause."""
    return NotAuthenticated(
        "sign_in_refused",
        "that did not sign you in; after ten failures an account waits for 30 minutes",
    )


def link_refused() -> NotAuthenticated:
    """Unknown, used and expired links alike."""
    return NotAuthenticated("link_refused", "this link is used, replaced or out of date; ask anew")


def challenge_refused() -> NotAuthenticated:
    """A challenge that was not made here for this, or was used, or is older than five minutes."""
    return NotAuthenticated("challenge_refused", "begin the ceremony again: its challenge is over")


def verify_again() -> NotPermitted:
    """The factors were proved too long ago."""
    return NotPermitted(
        "verify_again", "prove your factors again: credentials change only right after that"
    )
