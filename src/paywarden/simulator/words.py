"""Words of the wire, as enumerations: the lower-case member name is what the API reads.

Source: the request bodies of `POST /v1/decisions` and `POST /v1/events`; response codes are those
of ISO 8583 field 39; chargeback reasons are the schemes' fraud codes.
"""

from __future__ import annotations

import enum


class Type(enum.IntEnum):
    """Kind of payment."""

    CARD_PAYMENT = 0
    TRANSFER = 1
    PAYOUT = 2
    WITHDRAWAL = 3
    REFUND = 4
    TOP_UP = 5


class Channel(enum.IntEnum):
    """Where the payment was made."""

    ECOMMERCE = 0
    POS = 1
    ATM = 2
    IN_APP = 3


class Entry(enum.IntEnum):
    """How the card's data came in."""

    MANUAL = 0
    ON_FILE = 1
    CHIP = 2
    CONTACTLESS = 3
    MAGSTRIPE = 4


class Initiator(enum.IntEnum):
    """Who started it."""

    CUSTOMER = 0
    MERCHANT = 1


class Avs(enum.IntEnum):
    """Address check."""

    MATCH = 0
    PARTIAL = 1
    NO_MATCH = 2
    UNAVAILABLE = 3


class Cvv(enum.IntEnum):
    """Security code check."""

    MATCH = 0
    NO_MATCH = 1
    NOT_PROVIDED = 2


class ThreeDs(enum.IntEnum):
    """Cardholder authentication; absent where none was tried."""

    AUTHENTICATED = 0
    ATTEMPTED = 1
    FAILED = 2


class Status(enum.IntEnum):
    """What became of a payment."""

    AUTHORISED = 0
    DECLINED = 1
    REFUNDED = 2


class Result(enum.IntEnum):
    """What became of a login, a change or a challenge."""

    SUCCEEDED = 0
    FAILED = 1
    AUTHENTICATED = 2
    ABANDONED = 3


class Kind(enum.IntEnum):
    """Kind of event; the order breaks ties between equal instants."""

    LOGIN = 0
    PASSWORD_CHANGE = 1
    EMAIL_CHANGE = 2
    PHONE_CHANGE = 3
    PAYEE_ADDED = 4
    PAYMENT = 5
    CHALLENGE_RESULT = 6
    PAYMENT_RESULT = 7
    LABEL = 8


class Verdict(enum.IntEnum):
    """What a label says."""

    FRAUD = 0
    GENUINE = 1


class Promo(enum.IntEnum):
    """Reduction that the shop granted; absent for most payments."""

    WELCOME = 0
    SEASONAL = 1


class Source(enum.IntEnum):
    """Who says it."""

    CHARGEBACK = 0
    ISSUER_NOTICE = 1
    CUSTOMER = 2
    ANALYST = 3


class Funding(enum.IntEnum):
    """How the card is funded."""

    DEBIT = 0
    CREDIT = 1
    PREPAID = 2


CODES = ("00", "05", "14", "41", "43", "51", "54", "57", "59", "61", "82", "91")
"""Response codes that occur: approved, do not honour, no such number, lost, stolen, insufficient
funds, expired, not permitted, suspected fraud, over limit, CVV failed, issuer unavailable."""

REASONS = (
    "10.3", "10.4", "4870", "4837", "F30", "F29", "UA05", "UA02", "unrecognised", "takeover",
    "13.1", "4853", "C08", "RG", "deceived", "abuse", "unpaid",
)  # fmt: skip
"""Fraud reasons: card present and absent for Visa, Mastercard, Amex, Discover; words of customers;
then goods not received (Visa, Mastercard, Amex, Discover) and words of analysts."""


def word(member: enum.IntEnum) -> str:
    """The wire word of a member.

    >>> word(Type.CARD_PAYMENT)
    'card_payment'
    """
    return member.name.lower()
