"""Every problem code of people and sessions with its remedy."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "api_key_unknown": "No such API key in this tenant and environment.",
    "breached_list_invalid": "The operator's list of breached passwords must be sorted SHA-1.",
    "challenge_refused": "Begin the ceremony again; a challenge lives five minutes, once.",
    "cross_site": "Send `Paywarden-Request: 1` from a page of the configured origin.",
    "display_name_invalid": "Use 1 to 100 printable characters.",
    "email_invalid": "Give one plain e-mail address.",
    "hashing_ended": "Passwords cannot be checked now; try again.",
    "key_owner_unknown": "Name a person who is enrolled here: psn_..., login name or e-mail.",
    "key_name_invalid": "Use up to 60 printable characters.",
    "key_name_taken": "A live key has this name; rotate it instead.",
    "key_not_live": "This key has ended already.",
    "key_rotating": "Two keys of this name live already; revoke one first.",
    "link_needs_approval": "A second person approves it, or the operator of the machine does it.",
    "key_role_unknown": "Keys carry the roles merchant and operator.",
    "link_refused": "Ask for a new link; one lives 24 hours, once.",
    "login_invalid": "Use 3 to 63 of a-z, 0-9, dot, dash and underscore.",
    "passkey_last": "Add another passkey first.",
    "passkey_limit": "Remove a passkey that you no longer use.",
    "passkey_name_invalid": "Use 1 to 60 printable characters.",
    "passkey_refused": "Use an authenticator that verifies you and keeps the passkey.",
    "passkey_unknown": "See your passkeys in /v1/identity/factors.",
    "password_breached": "Choose a password that is in no known breach.",
    "password_length": "Use 12 to 128 characters.",
    "password_simple": "Use letters and digits.",
    "password_used_before": "Choose a password that is none of your last four.",
    "password_weak": "Use several unrelated words.",
    "person_not_disabled": "Only a disabled account can be enabled again.",
    "person_exists": "Choose another login name; a person has one account per environment.",
    "person_invalid": "A person's id reads psn_...",
    "person_unknown": "No such person in this tenant and environment.",
    "session_over": "Sign in again: idle for 15 minutes, ended, or over 8 hours old.",
    "session_unknown": "See your sessions in /v1/identity/sessions.",
    "sign_in_busy": "Slow down; see Retry-After.",
    "sign_in_refused": "Check what you typed; after ten failures wait for 30 minutes.",
    "totp_exists": "Ask a security officer for a link to replace your one-time codes.",
    "verify_again": "Prove your factors at /v1/identity/verify/..., then try again.",
}
"""Code to remedy."""
