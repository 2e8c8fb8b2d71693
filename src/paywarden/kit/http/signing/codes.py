"""Problem codes of signatures with their remedies; `/docs` shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CODES: Final[Mapping[str, str]] = {
    "client_key_exists": "Register another key version.",
    "client_keys_two_live": "Revoke one of the owner's two live keys first.",
    "content_digest_malformed": "Send one `sha-256` or `sha-512` byte sequence (RFC 9530).",
    "content_digest_wrong": "Make Content-Digest of exactly the octets that are sent.",
    "request_time_malformed": "Send Request-Time as RFC 3339 or milliseconds since 1970.",
    "signature_algorithm_wrong": "Name the algorithm that the key was registered with.",
    "signature_component_missing": "A signed request needs Host, and with a body Content-Type and "
    "Content-Digest.",
    "signature_components_wrong": "Cover exactly the components that the detail names.",
    "signature_expired": "Sign each try anew, and set the clock.",
    "signature_from_the_future": "Set the clock of the sender.",
    "signature_header_repeated": "Send each of these headers once.",
    "signature_header_too_long": "Headers of a signature have at most 1,024 characters.",
    "signature_incomplete": "Send all headers of a signature, or none.",
    "signature_input_malformed": "Send Signature-Input as docs/reference/signatures.md shows it.",
    "signature_key_expired": "Register a new signing key.",
    "signature_key_not_bound": "Use the signing key that belongs to this API key.",
    "signature_key_revoked": "Register a new signing key.",
    "signature_key_unknown": "Check keyid, tenant and environment; keys are registered with "
    "`paywarden signing-keys add`.",
    "signature_lifetime_wrong": "Let expires follow created by 1 to 300 seconds.",
    "signature_malformed": "Send the signature as one byte sequence in canonical base 64.",
    "signature_nonce_short": "Send a nonce of 128 random bits in base 64 or hexadecimal.",
    "signature_nonces_full": "Slow down, or let signatures expire sooner; see Retry-After.",
    "signature_nonces_loading": "The server is starting; try again in a second.",
    "signature_parameters_wrong": "Send created, keyid, alg, expires, nonce and tag in this order.",
    "signature_replayed": "Sign each try anew, with a nonce of its own; keep the Idempotency-Key.",
    "signature_required": "This API key must sign its requests.",
    "signature_route_not_bound": "A partner's key is for the addresses that it was registered for.",
    "signature_several": "Send one signature.",
    "signature_tag_wrong": 'The tag is "paywarden".',
    "signature_wrong": "Compare both strings to sign with `paywarden sign explain`.",
    "signing_key_unfit": "Use Ed25519, ECDSA P-256, RSA of 2,048 to 4,096 bits, or HMAC.",
}
"""Code to remedy."""
