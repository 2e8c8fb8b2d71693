"""Derived fields of a payment: canonical forms, enrichment, time of day, ages.

Guards: the same given fields, tables and counted time always derive the same values; what cannot
be read (an e-mail that is none, an address that is none) is absent and stated as degraded, since
refusing a payment for a spoilt optional field would hurt more than it protects.
Order: network, e-mail, telephone, card, merchant, money, addresses, time. Works in place.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from paywarden.core.instants import DAY_US, HOUR_US
from paywarden.decision.intake import Fields
from paywarden.reference.canonical import (
    canonical_account,
    canonical_address,
    canonical_bin,
    canonical_ip,
    canonical_phone,
)
from paywarden.risk.enrichment.enricher import Enricher

REMEMBERED = 16_384
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday; Monday is 0


class Deriver:
    """Adds derived fields to given ones, over one bundle of tables."""

    def __init__(self, enricher: Enricher) -> None:
        self.tables = enricher.tables
        self._enricher = enricher
        # Payers come back: what a text derives is remembered, since the tables stand still.
        self._network_facts = lru_cache(REMEMBERED)(self._find_network)
        self._email_facts = lru_cache(REMEMBERED)(self._find_email)
        self._card_facts = lru_cache(REMEMBERED)(self._find_card)
        self._phone_of = lru_cache(REMEMBERED)(canonical_phone)
        self._address_of = lru_cache(REMEMBERED)(canonical_address)
        self._steps: tuple[tuple[str, Callable[[Fields], str | None]], ...] = (
            ("device.ip", self._network),
            ("payer.email", self._email),
            ("payer.phone", self._phone),
            ("payee.account", self._account),
            ("card.bin", self._card),
            ("merchant.mcc", self._merchant),
            ("payment.amount_minor", self._money),
            ("payment.shipping_address.country", self._shipping),
        )

    def derive(self, fields: Fields, s_us: int, late: bool) -> tuple[str, ...]:
        """Add derived fields in place; the words of what is degraded."""
        degraded = []
        for path, step in self._steps:
            if path in fields:
                word = step(fields)
                if word is not None:
                    degraded.append(word)
        _time(fields, s_us, late)
        return tuple(degraded)

    def forget(self) -> None:
        """Drop what texts derived; it is derived again when they come back."""
        for kept in (
            self._network_facts, self._email_facts, self._card_facts, self._phone_of,
            self._address_of,
        ):  # fmt: skip
            kept.cache_clear()

    def _network(self, fields: Fields) -> str | None:
        found = self._network_facts(fields["device.ip"])
        fields.update(found)
        return None if found else "device_ip_unreadable"

    def _find_network(self, text: str) -> Fields:
        address = canonical_ip(text)
        if address is None:
            return {}
        found: Fields = {"ip.address": address.text}
        self._enricher.add_ip(address.text, found)
        return found

    def _email(self, fields: Fields) -> str | None:
        found = self._email_facts(fields["payer.email"])
        fields.update(found)
        return None if found else "payer_email_unreadable"

    def _find_email(self, text: str) -> Fields:
        found: Fields = {}
        self._enricher.add_email(text, found)
        return found

    def _phone(self, fields: Fields) -> str | None:
        phone = self._phone_of(fields["payer.phone"])
        if phone is None:
            return "payer_phone_unreadable"
        fields["phone.canonical"] = phone
        return None

    def _account(self, fields: Fields) -> str | None:
        account = canonical_account(fields["payee.account"])
        if account is None:
            del fields["payee.account"]
            return "payee_account_unreadable"
        fields["payee.account"] = account
        return None

    def _card(self, fields: Fields) -> str | None:
        found = self._card_facts(fields["card.bin"])
        fields.update(found)
        return None if found else "card_bin_unreadable"

    def _find_card(self, text: str) -> Fields:
        digits = canonical_bin(text)
        if digits is None:
            return {}
        found: Fields = {"card.bin": digits}
        self._enricher.add_card(digits, found)
        return found

    def _merchant(self, fields: Fields) -> str | None:
        self._enricher.add_merchant(fields["merchant.mcc"], fields)
        return None

    def _money(self, fields: Fields) -> str | None:
        amount, currency = fields["payment.amount_minor"], fields.get("payment.currency")
        word, _rate = self._enricher.add_amount(amount, currency, fields)
        return word

    def _shipping(self, fields: Fields) -> str | None:
        key = self._address_of(
            fields["payment.shipping_address.country"],
            fields.get("payment.shipping_address.postal_code"),
            fields.get("payment.shipping_address.line1"),
        )
        if key is not None:
            fields["shipping_address.key"] = key
        return None


def _time(fields: Fields, s_us: int, late: bool) -> None:
    fields["payment.hour"] = s_us % DAY_US // HOUR_US
    fields["payment.weekday"] = (s_us // DAY_US + _EPOCH_WEEKDAY) % 7
    fields["payment.late"] = late
    for party in ("merchant", "payer", "payee"):
        created = fields.get(party + ".created_at")
        if created is not None:
            fields[party + ".age_days"] = max(0, (s_us - created) // DAY_US)
