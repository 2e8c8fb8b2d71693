"""Refusals of the decision room, by code; each documented on the page of problems."""

from __future__ import annotations

from paywarden.core.errors import Conflict, InvalidRequest, NotFound, NotPermitted, Unavailable


def card_number(pointer: str) -> InvalidRequest:
    """A card number stands where none may be."""
    return InvalidRequest(
        "card_number_not_accepted",
        "this field holds a card number; send a token of the card data environment instead",
        pointer=pointer,
    )


def attempt_conflict() -> Conflict:
    """The same payment and attempt came with another body."""
    return Conflict(
        "attempt_conflict",
        "this payment and attempt were decided with another body; another try is another attempt",
        pointer="/payment/attempt",
    )


def payment_imported() -> Conflict:
    """The attempt is known from imported history and was never decided here."""
    return Conflict(
        "payment_imported",
        "this payment and attempt came with imported history; another try is another attempt",
        pointer="/payment/attempt",
    )


def import_unfinished() -> Unavailable:
    """Half a history lies in the log: windows would mislead."""
    return Unavailable(
        "import_unfinished",
        "an import of history has not ended here; end it with `paywarden import ... --resume`",
    )


def unknown_currency() -> InvalidRequest:
    """Not an ISO 4217 currency."""
    return InvalidRequest(
        "currency_unknown", "not an active ISO 4217 currency code", pointer="/payment/currency"
    )


def amount_missing() -> InvalidRequest:
    """Only account events go without an amount."""
    return InvalidRequest(
        "amount_missing",
        "amount_minor and currency are required for every type but account_event",
        pointer="/payment/amount_minor",
    )


def assertion_not_permitted() -> NotPermitted:
    """The key may not assert card facts."""
    return NotPermitted(
        "instrument_assertion_not_permitted",
        "this key may not assert card facts; send a token with signed facts",
        pointer="/payment/instrument",
    )


def facts_unverifiable(pointer: str) -> InvalidRequest:
    """No card data environment is known whose signature could be checked."""
    return InvalidRequest(
        "card_facts_unverifiable",
        "the card facts cannot be verified: their key is not known here",
        pointer=pointer + "/instrument/facts",
    )


def facts_refused(pointer: str) -> InvalidRequest:
    """Not signed, not of this token, or of another tenant, environment or merchant."""
    return InvalidRequest(
        "card_facts_refused",
        "the card facts do not hold for this token, merchant and environment",
        pointer=pointer + "/instrument/facts",
    )


def facts_incomplete(pointer: str) -> InvalidRequest:
    """A token without facts, facts without a token, or facts beside asserted members."""
    return InvalidRequest(
        "card_facts_incomplete",
        "send token and facts together, and no reference, bin, last4 or expiry beside them",
        pointer=pointer + "/instrument",
    )


def decision_not_found() -> NotFound:
    """No such decision for this key."""
    return NotFound("decision_not_found", "no decision of that id for this tenant and environment")


def engine_recovering() -> Unavailable:
    """The state is being rebuilt from the log."""
    return Unavailable("recovering", "a write failed; the state is being rebuilt from the log")


def not_challenged() -> Conflict:
    """Only a challenged payment goes on after a challenge."""
    return Conflict("not_challenged", "this decision asked for no challenge; nothing to continue")
