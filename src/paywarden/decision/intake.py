"""From a wire payment to flat fields: checked, canonical identifiers, no card number anywhere.

Order: the search for card numbers, then what a schema cannot say (amount, currency, instrument),
then flattening to the paths of the feature catalogue. A token counts with the signed facts of the
card data environment alone: their fingerprint, never the token, names the card. Identifiers and
accounts that look like a card number are replaced by a keyed hash before anything else sees them
(API.md section 1).
Standard: PCI DSS 4.0.1, 3.2 (no account data outside the card data environment).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import MAXYEAR, MINYEAR, date, datetime, timedelta
from typing import Any

from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import from_datetime
from paywarden.core.scope import Scope
from paywarden.decision import errors
from paywarden.decision.card_facts import KnownFacts
from paywarden.decision.messages import Address, Device, Event, Instrument, Payee, Payer, Payment
from paywarden.decision.screening import IDENTIFIERS, Steps
from paywarden.kit.http.decoding import shown_pointer
from paywarden.reference.card_numbers import (
    looks_like_card_number,
    value_looks_like_card_number,
)

Fields = dict[str, Any]
HashIdentifier = Callable[[str], str]


@dataclass(slots=True)
class Intake:
    """A payment or event as flat fields by catalogue path.

    `fields`: given values (int, str, bool; instants in microseconds; metadata as a dict).
    `card_like`: how many identifiers were replaced by their hash. `degraded`: stated weaknesses.
    `plain`: the body certainly holds no card number.
    """

    payment_id: str
    attempt: str
    occurred_us: int
    fields: Fields
    card_like: int = 0
    degraded: list[str] = field(default_factory=list)
    plain: bool = False


class PaymentReader:
    """Reads wire messages; `hash_identifier` is the keyed hash for card-like identifiers."""

    def __init__(
        self,
        hash_identifier: HashIdentifier,
        known_currency: Callable[[str], bool],
        card_facts: KnownFacts | None = None,
    ):
        self._hash = hash_identifier
        self._known_currency = known_currency
        self._card_facts = card_facts or KnownFacts(dict)

    def payment(
        self,
        scope: Scope,
        payment: Payment,
        *,
        may_assert: bool,
        pointer: str = "/payment",
        plain: bool = False,
    ) -> Intake:
        """Flat fields of a payment; InvalidRequest or NotPermitted with the place.

        `plain`: the body as sent was searched (`no_card_digits`), so its texts need not be.
        """
        if not plain:
            refuse_card_numbers(payment, pointer)
        self._check(payment, may_assert, pointer)
        return self._read(scope, payment, pointer, plain)

    def _read(self, scope: Scope, payment: Payment, pointer: str, plain: bool) -> Intake:
        occurred_us = instant_of(payment.occurred_at, pointer + "/occurred_at")
        intake = Intake("", "", occurred_us, {}, plain=plain)
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
        _put(fields, "payment.remittance_information", payment.remittance_information)
        if payment.checks is not None:
            for name in ("avs", "cvv", "eci", "three_ds"):
                _put(fields, f"payment.checks.{name}", getattr(payment.checks, name))
        self._parties(scope, intake, payment, pointer)
        _address(fields, "payment.billing_address", payment.billing_address)
        _address(fields, "payment.shipping_address", payment.shipping_address)
        return intake

    def event(self, scope: Scope, event: Event, pointer: str) -> Intake:
        """Flat fields of an event; only what it carries itself."""
        refuse_card_numbers(event, pointer)
        occurred_us = instant_of(event.occurred_at, pointer + "/occurred_at")
        intake = Intake("", event.attempt or "1", occurred_us, {})
        self._identifier(intake, event.id)  # counted here; `Events` keeps its hash
        if event.payment_id is not None:
            intake.payment_id = self._identifier(intake, event.payment_id)
            intake.attempt = self._identifier(intake, intake.attempt)
        for name in ("status", "code", "verdict", "source", "reason", "result"):
            _put(intake.fields, f"event.{name}", getattr(event, name))
        intake.fields["event.kind"] = _exact(event.kind, pointer + "/kind")
        self._parties(scope, intake, event, pointer)
        return intake

    def identifier(self, text: str) -> str:
        """The stored form of an identifier that stands in a path or query."""
        return self._hash(text) if looks_like_card_number(text) else text

    def _check(self, payment: Payment, may_assert: bool, pointer: str) -> None:
        if payment.type != "account_event" and (
            payment.amount_minor is None or payment.currency is None
        ):
            raise errors.amount_missing()
        if payment.currency is not None and not self._known_currency(payment.currency):
            raise errors.unknown_currency()
        instrument = payment.instrument
        if instrument is None:
            return
        signed = instrument.token is not None or instrument.facts is not None
        if instrument.kind == "card" and not signed and not may_assert:
            raise errors.assertion_not_permitted()

    def _identifier(self, intake: Intake, text: str) -> str:
        if not intake.plain and looks_like_card_number(text):
            intake.card_like += 1
            return self._hash(text)
        return text

    def _parties(self, scope: Scope, intake: Intake, source: Payment | Event, pointer: str) -> None:
        fields = intake.fields
        if source.merchant is not None:
            merchant = source.merchant
            fields["merchant.id"] = self._identifier(intake, merchant.id)
            _put(fields, "merchant.mcc", merchant.mcc)
            _put(fields, "merchant.country", merchant.country)
            _put(fields, "merchant.name", merchant.name)
            if merchant.created_at is not None:
                created, place = merchant.created_at, pointer + "/merchant/created_at"
                fields["merchant.created_at"] = instant_of(created, place)
        if source.payer is not None:
            self._payer(intake, source.payer, pointer)
        if source.payee is not None:
            self._payee(intake, source.payee, pointer)
        if source.instrument is not None:
            self._instrument(scope, intake, source, source.instrument, pointer)
        if source.device is not None:
            self._device(intake, source.device, pointer)

    def _payer(self, intake: Intake, payer: Payer, pointer: str) -> None:
        fields = intake.fields
        if payer.id is not None:
            fields["payer.id"] = self._identifier(intake, payer.id)
        if payer.phone is not None:
            # A telephone number may be a card number by chance; it is an identifier, not refused.
            fields["payer.phone"] = self._identifier(intake, payer.phone)
        for name in ("name", "email", "country"):
            _put(fields, f"payer.{name}", getattr(payer, name))
        if payer.birth_date is not None:
            fields["payer.birth_date"] = payer.birth_date.isoformat()
        if payer.created_at is not None:
            place = pointer + "/payer/created_at"
            fields["payer.created_at"] = instant_of(payer.created_at, place)

    def _payee(self, intake: Intake, payee: Payee, pointer: str) -> None:
        fields = intake.fields
        if payee.id is not None:
            fields["payee.id"] = self._identifier(intake, payee.id)
        if payee.account is not None:
            fields["payee.account"] = self._identifier(intake, payee.account)
        _put(fields, "payee.name", payee.name)
        _put(fields, "payee.country", payee.country)
        if payee.created_at is not None:
            place = pointer + "/payee/created_at"
            fields["payee.created_at"] = instant_of(payee.created_at, place)

    def _instrument(
        self,
        scope: Scope,
        intake: Intake,
        source: Payment | Event,
        instrument: Instrument,
        pointer: str,
    ) -> None:
        fields = intake.fields
        fields["payment.instrument_kind"] = instrument.kind
        if instrument.token is not None or instrument.facts is not None:
            merchant = None if source.merchant is None else source.merchant.id
            facts = self._card_facts.of(scope, merchant, instrument, pointer)
            fields["card.fingerprint"] = facts.fingerprint
            fields["card.bin"] = facts.bin
            fields["card.last4"] = facts.last4
            fields["card.expiry"] = facts.expiry
            return
        if instrument.reference is not None:
            fields["card.fingerprint"] = self._identifier(intake, instrument.reference)
        _put(fields, "card.bin", _exact(instrument.bin, pointer + "/instrument/bin"))
        _put(fields, "card.last4", instrument.last4)
        _put(fields, "card.expiry", instrument.expiry)

    def _device(self, intake: Intake, device: Device, pointer: str) -> None:
        fields = intake.fields
        if device.id is not None:
            fields["device.id"] = self._identifier(intake, device.id)
        _put(fields, "device.ip", device.ip)
        _put(fields, "device.user_agent", device.user_agent)
        _put(fields, "device.language", _exact(device.language, pointer + "/device/language"))


def named_fields(payment: Payment) -> Fields:
    """What names the parties of a payment, by path, as given: for looking ahead, unchecked."""
    fields: Fields = {}
    for party in ("payer", "payee", "merchant"):
        source = getattr(payment, party)
        if source is not None:
            _put(fields, f"{party}.name", source.name)
            _put(fields, f"{party}.country", source.country)
    if payment.payer is not None and payment.payer.birth_date is not None:
        fields["payer.birth_date"] = payment.payer.birth_date.isoformat()
    if payment.payee is not None:
        _put(fields, "payee.account", payment.payee.account)
    _put(fields, "payment.metadata", payment.metadata)
    _put(fields, "payment.remittance_information", payment.remittance_information)
    return fields


def _exact(text: str | None, pointer: str) -> str | None:
    """The text; the decoder's `$` also matches before a line feed at the end."""
    if text is not None and text.endswith("\n"):
        raise InvalidRequest("field_invalid", "the text ends in a line feed", pointer=pointer)
    return text


def instant_of(moment: datetime, pointer: str) -> int:
    """Microseconds; InvalidRequest on a day whose zone may lead out of the years 1 to 9999.

    Whole days are refused, so that the schema can say it (`messages.INSTANT_PATTERN`).
    """
    if moment.year in (MINYEAR, MAXYEAR) and _may_leave(moment):
        raise InvalidRequest(
            "field_invalid", "the time may lie outside the years 1 to 9999 in UTC", pointer=pointer
        )
    return from_datetime(moment)


def _may_leave(moment: datetime) -> bool:
    day, offset = moment.date(), moment.utcoffset() or timedelta()
    return (day == date.min and offset > timedelta()) or (day == date.max and offset < timedelta())


def _put(fields: Fields, path: str, value: Any) -> None:
    if value is not None:
        fields[path] = value


def _address(fields: Fields, path: str, address: Address | None) -> None:
    if address is None:
        return
    for name in ("country", "postal_code", "city", "line1"):
        _put(fields, f"{path}.{name}", getattr(address, name))


def refuse_card_numbers(message: Payment | Event, pointer: str) -> None:
    """InvalidRequest `card_number_not_accepted` with the place of the first card number."""
    for steps, value in _scalars(message, ()):
        if value_looks_like_card_number(value) and steps not in IDENTIFIERS:
            raise errors.card_number(pointer + shown_pointer(steps))


def _scalars(value: Any, steps: Steps) -> Iterator[tuple[Steps, Any]]:
    for name in value.__struct_fields__:
        held = getattr(value, name)
        kind = type(held)
        if kind is str or kind is int:
            yield (*steps, name), held
        elif kind is dict:
            for key, inner in held.items():
                yield (*steps, name), key
                yield (*steps, name, key), inner
        elif hasattr(held, "__struct_fields__"):
            yield from _scalars(held, (*steps, name))
