"""From a wire payment to flat fields: checked, canonical identifiers, no card number anywhere.

Order: what a schema cannot say (amount, currency, instrument), then the search for card numbers,
then flattening to the paths of the feature catalogue. Identifiers and accounts that look like a
card number are replaced by a keyed hash before anything else sees them (API.md section 1).
Standard: PCI DSS 4.0.1, 3.2 (no account data outside the card data environment).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import from_datetime
from paywarden.decision import errors
from paywarden.decision.messages import Address, Device, Event, Instrument, Payee, Payer, Payment
from paywarden.reference.card_numbers import looks_like_card_number

Fields = dict[str, Any]
HashIdentifier = Callable[[str], str]


@dataclass(slots=True)
class Intake:
    """A payment or event as flat fields by catalogue path.

    `fields`: given values (int, str, bool; instants in microseconds; metadata as a dict).
    `card_like`: how many identifiers were replaced by their hash. `degraded`: stated weaknesses.
    """

    payment_id: str
    attempt: str
    occurred_us: int
    fields: Fields
    card_like: int = 0
    degraded: list[str] = field(default_factory=list)


class PaymentReader:
    """Reads wire messages; `hash_identifier` is the keyed hash for card-like identifiers."""

    def __init__(self, hash_identifier: HashIdentifier, known_currency: Callable[[str], bool]):
        self._hash = hash_identifier
        self._known_currency = known_currency

    def payment(
        self,
        payment: Payment,
        *,
        may_assert: bool,
        pointer: str = "/payment",
        plain: bool = False,
    ) -> Intake:
        """Flat fields of a payment; InvalidRequest or NotPermitted with the place.

        `plain`: the body as sent was searched (`no_long_digits`), so its texts need not be.
        """
        self._check(payment, may_assert)
        if not plain:
            refuse_card_numbers(payment, pointer)
        return self._read(payment)

    def _read(self, payment: Payment) -> Intake:
        intake = Intake("", "", from_datetime(payment.occurred_at), {})
        fields = intake.fields
        intake.payment_id = self._identifier(intake, payment.id)
        intake.attempt = self._identifier(intake, payment.attempt)
        fields["payment.id"] = intake.payment_id
        fields["payment.attempt"] = intake.attempt
        fields["payment.type"] = payment.type
        fields["payment.phase"] = payment.phase
        fields["payment.occurred_at"] = intake.occurred_us
        fields["payment.initiator"] = payment.initiator
        _put(fields, "payment.amount_minor", payment.amount_minor)
        _put(fields, "payment.currency", payment.currency)
        _put(fields, "payment.channel", payment.channel)
        _put(fields, "payment.entry_mode", payment.entry_mode)
        _put(fields, "payment.wallet", payment.wallet)
        if payment.par is not None:
            fields["payment.par"] = self._identifier(intake, payment.par)
        if payment.metadata:
            fields["payment.metadata"] = payment.metadata
        if payment.checks is not None:
            for name in ("avs", "cvv", "eci", "three_ds"):
                _put(fields, f"payment.checks.{name}", getattr(payment.checks, name))
        self._parties(intake, payment)
        _address(fields, "payment.billing_address", payment.billing_address)
        _address(fields, "payment.shipping_address", payment.shipping_address)
        return intake

    def event(self, event: Event, pointer: str) -> Intake:
        """Flat fields of an event; only what it carries itself."""
        refuse_card_numbers(event, pointer)
        intake = Intake("", event.attempt or "1", from_datetime(event.occurred_at), {})
        if event.payment_id is not None:
            intake.payment_id = self._identifier(intake, event.payment_id)
            intake.attempt = self._identifier(intake, intake.attempt)
        for name in ("status", "code", "verdict", "source", "reason", "result"):
            _put(intake.fields, f"event.{name}", getattr(event, name))
        intake.fields["event.kind"] = event.kind
        self._parties(intake, event)
        return intake

    def identifier(self, text: str) -> str:
        """The stored form of an identifier that stands in a path or query."""
        return self._hash(text) if looks_like_card_number(text) else text

    def _check(self, payment: Payment, may_assert: bool) -> None:
        if payment.type != "account_event" and (
            payment.amount_minor is None or payment.currency is None
        ):
            raise errors.amount_missing()
        if payment.currency is not None and not self._known_currency(payment.currency):
            raise errors.unknown_currency()
        instrument = payment.instrument
        if instrument is None:
            return
        if instrument.token is not None or instrument.facts is not None:
            raise errors.facts_unverifiable()
        if instrument.kind == "card" and not may_assert:
            raise errors.assertion_not_permitted()

    def _identifier(self, intake: Intake, text: str) -> str:
        if looks_like_card_number(text):
            intake.card_like += 1
            return self._hash(text)
        return text

    def _parties(self, intake: Intake, source: Payment | Event) -> None:
        fields = intake.fields
        if source.merchant is not None:
            merchant = source.merchant
            fields["merchant.id"] = self._identifier(intake, merchant.id)
            _put(fields, "merchant.mcc", merchant.mcc)
            _put(fields, "merchant.country", merchant.country)
            _put(fields, "merchant.name", merchant.name)
            if merchant.created_at is not None:
                fields["merchant.created_at"] = from_datetime(merchant.created_at)
        if source.payer is not None:
            self._payer(intake, source.payer)
        if source.payee is not None:
            self._payee(intake, source.payee)
        if source.instrument is not None:
            self._instrument(intake, source.instrument)
        if source.device is not None:
            self._device(intake, source.device)

    def _payer(self, intake: Intake, payer: Payer) -> None:
        fields = intake.fields
        if payer.id is not None:
            fields["payer.id"] = self._identifier(intake, payer.id)
        if payer.phone is not None:
            # A telephone number may be a card number by chance; it is an identifier, not refused.
            fields["payer.phone"] = self._identifier(intake, payer.phone)
        for name in ("name", "email", "country", "birth_date"):
            _put(fields, f"payer.{name}", getattr(payer, name))
        if payer.created_at is not None:
            fields["payer.created_at"] = from_datetime(payer.created_at)

    def _payee(self, intake: Intake, payee: Payee) -> None:
        fields = intake.fields
        if payee.id is not None:
            fields["payee.id"] = self._identifier(intake, payee.id)
        if payee.account is not None:
            fields["payee.account"] = self._identifier(intake, payee.account)
        _put(fields, "payee.name", payee.name)
        _put(fields, "payee.country", payee.country)
        if payee.created_at is not None:
            fields["payee.created_at"] = from_datetime(payee.created_at)

    def _instrument(self, intake: Intake, instrument: Instrument) -> None:
        fields = intake.fields
        fields["payment.instrument_kind"] = instrument.kind
        if instrument.reference is not None:
            fields["card.fingerprint"] = self._identifier(intake, instrument.reference)
        _put(fields, "card.bin", instrument.bin)
        _put(fields, "card.last4", instrument.last4)
        _put(fields, "card.expiry", instrument.expiry)

    def _device(self, intake: Intake, device: Device) -> None:
        fields = intake.fields
        if device.id is not None:
            fields["device.id"] = self._identifier(intake, device.id)
        _put(fields, "device.ip", device.ip)
        _put(fields, "device.user_agent", device.user_agent)
        _put(fields, "device.language", device.language)


def _put(fields: Fields, path: str, value: Any) -> None:
    if value is not None:
        fields[path] = value


def _address(fields: Fields, path: str, address: Address | None) -> None:
    if address is None:
        return
    for name in ("country", "postal_code", "city", "line1"):
        _put(fields, f"{path}.{name}", getattr(address, name))


IDENTIFIERS = frozenset(
    {
        "/id",
        "/attempt",
        "/payment_id",
        "/par",
        "/merchant/id",
        "/payer/id",
        "/payer/phone",
        "/payee/id",
        "/payee/account",
        "/instrument/reference",
        "/instrument/token",
        "/device/id",
    }
)
"""Places that may hold numbers which look like card numbers; kept only as keyed hashes then."""


_LONG_DIGITS = re.compile(rb"[0-9](?:[ -]{0,3}[0-9]){12}")
_DISGUISES = re.compile(rb"[\\\x80-\xff]|[0-9][eE][+-]?[0-9]")


def no_long_digits(body: bytes) -> bool:
    """Whether a JSON body certainly holds no card number: one quick look instead of one a field.

    Not certain, hence False, when it holds escapes, anything but ASCII, or what may be a number
    with an exponent; then each field is searched.
    """
    return _LONG_DIGITS.search(body) is None and _DISGUISES.search(body) is None


def refuse_card_numbers(message: Payment | Event, pointer: str) -> None:
    """InvalidRequest `card_number_not_accepted` with the place of the first card number."""
    for place, text in _texts(message, ""):
        if place not in IDENTIFIERS and looks_like_card_number(text):
            raise _refusal(pointer + place)


def _refusal(pointer: str) -> InvalidRequest:
    return errors.card_number(pointer)


_LARGE = 10**12


def _texts(value: Any, place: str) -> Iterator[tuple[str, str]]:
    for name in value.__struct_fields__:
        held = getattr(value, name)
        if held is None:
            continue
        if type(held) is str:
            if len(held) >= 13:
                yield f"{place}/{name}", held
        elif type(held) is dict:
            yield from _metadata_texts(held, f"{place}/{name}")
        elif type(held) is int:
            if held >= _LARGE:
                yield f"{place}/{name}", str(held)
        elif hasattr(held, "__struct_fields__"):
            yield from _texts(held, f"{place}/{name}")


def _metadata_texts(metadata: dict[str, Any], place: str) -> Iterator[tuple[str, str]]:
    for key, held in metadata.items():
        yield place, key
        if type(held) is str:
            yield f"{place}/{key}", held
        elif type(held) is int and held >= _LARGE:
            yield f"{place}/{key}", str(held)
        elif type(held) is float and _LARGE <= held < 1e19 and held.is_integer():
            yield f"{place}/{key}", str(int(held))
