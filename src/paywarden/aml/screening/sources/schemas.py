"""Kinds of things in others' words, and which of FollowTheMoney's kinds are parties at all."""

from __future__ import annotations

from typing import Final

from paywarden.aml.screening.model import Schema

_SAME: Final[dict[str, Schema]] = {
    "person": "Person", "individual": "Person", "p": "Person", "natural person": "Person",
    "pep": "Person", "organization": "Organization", "organisation": "Organization",
    "entity": "Organization", "publicbody": "Organization", "group": "Organization",
    "company": "Company", "business": "Company", "legalentity": "LegalEntity",
    "legal entity": "LegalEntity", "vessel": "Vessel", "ship": "Vessel", "vehicle": "Vessel",
    "aircraft": "Aircraft", "airplane": "Aircraft", "cryptowallet": "CryptoWallet",
    "wallet": "CryptoWallet", "address": "Address",
}  # fmt: skip


def schema_of(word: str) -> Schema | None:
    """The kind that a word means, None when it means none known."""
    return _SAME.get(word.strip().casefold().replace("_", " "))
