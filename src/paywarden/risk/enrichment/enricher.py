"""Facts added to a payment: pure look-ups in tables, no input or output, nothing guessed.

Guards: the same fields and the same tables always give the same facts (state = f(log)). A fact
that is not known is absent, never false. Strange input gives no facts and no exception. Order:
IP, e-mail, card, merchant, money; each part reads its own field only. Not done here: comparing
facts with each other (rules do), counting (`risk.features`), files (`columns`, same values).

>>> from paywarden.risk.enrichment.rates import Rates
>>> enricher = Enricher(EnrichmentTables(Rates("EUR", {})))
>>> payment = {"merchant.mcc": "7995", "payment.amount_minor": 5, "payment.currency": "EUR"}
>>> enricher.enrich(payment).fields
{'merchant.mcc_group': 'gambling', 'payment.amount_base_minor': 5}
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from paywarden.core.money import INT64_MAX
from paywarden.reference.bins import NOTHING
from paywarden.reference.canonical import canonical_bin, canonical_email, ip_prefix, parse_ip
from paywarden.reference.card_brands import card_brands
from paywarden.reference.mcc import merchant_categories
from paywarden.risk.enrichment.rates import FrozenRate
from paywarden.risk.enrichment.tables import EnrichmentTables

Fields = dict[str, object]

_REMEMBERED: Final = 65_536
RATE_MISSING: Final = "rate_missing"
AMOUNT_OUT_OF_RANGE: Final = "amount_out_of_range"

SOURCE_FIELDS: Final = (
    "device.ip",
    "payer.email",
    "instrument.bin",
    "merchant.mcc",
    "payment.amount_minor",
    "payment.currency",
)

DERIVED_FIELDS: Final[dict[str, tuple[str, str]]] = {
    "ip.version": ("int", "4 or 6; IPv4-mapped IPv6 counts as 4"),
    "ip.prefix": ("string", "the /24 (IPv4) or /64 (IPv6) around the address"),
    "ip.country": ("string", "alpha-2 country of the address range"),
    "ip.asn": ("int", "autonomous system number of the address range"),
    "ip.is_datacenter": ("bool", "the address belongs to a data centre"),
    "ip.is_vpn": ("bool", "the address is a known VPN exit"),
    "email.canonical": ("string", "one spelling of the mailbox"),
    "email.domain": ("string", "domain of the mailbox in ASCII"),
    "email.is_disposable": ("bool", "the domain gives out throw-away mailboxes"),
    "email.is_free": ("bool", "the domain gives mailboxes to anyone"),
    "card.brand": ("string", "brand by BIN table, else by published prefix ranges"),
    "card.funding": ("string", "credit, debit, charge or prepaid"),
    "card.is_prepaid": ("bool", "the issuer range is prepaid"),
    "card.country": ("string", "alpha-2 country of the issuer"),
    "card.issuer": ("string", "name of the issuer"),
    "merchant.mcc_group": ("string", "risk group of the merchant category"),
    "payment.amount_base_minor": ("int", "amount in minor units of the base currency"),
}
"""Every field that enrichment can add: type (int, string, bool) and meaning."""


class Enrichment(NamedTuple):
    """Derived fields by dotted path, what could not be done, and the rate that was used."""

    fields: Fields
    degraded: tuple[str, ...]
    rate: FrozenRate | None


class Enricher:
    """Pure function from a payment's given fields to derived ones, over fixed tables."""

    def __init__(self, tables: EnrichmentTables) -> None:
        self.tables = tables
        self._brands = card_brands()
        self._groups = {code: c.risk_group for code, c in merchant_categories().items()}
        # Tables never change under an enricher; issuers and mail hosts repeat from payment to
        # payment. Whole addresses are personal and are not kept.
        self._card_facts = lru_cache(_REMEMBERED)(self._card)
        self._domain_facts = lru_cache(_REMEMBERED)(self._domain)

    def enrich(self, fields: Mapping[str, object]) -> Enrichment:
        """Derived fields of a flat mapping of dotted paths; null equals absent; never raises."""
        found: Fields = {}
        get = fields.get
        if (ip := get("device.ip")) is not None:
            self.add_ip(ip, found)
        if (email := get("payer.email")) is not None:
            self.add_email(email, found)
        if (bin_digits := get("instrument.bin")) is not None:
            self.add_card(bin_digits, found)
        if (mcc := get("merchant.mcc")) is not None:
            self.add_merchant(mcc, found)
        amount, currency = get("payment.amount_minor"), get("payment.currency")
        word, rate = self.add_amount(amount, currency, found)
        return Enrichment(found, (word,) if word else (), rate)

    def add_ip(self, text: object, found: Fields) -> None:
        """Facts of an address in text."""
        parsed = parse_ip(text)
        if parsed is None:
            return
        version, value = parsed
        tables = self.tables
        found["ip.version"] = version
        found["ip.prefix"] = ip_prefix(version, value)
        if tables.ip_country is not None:
            facts = tables.ip_country.find(version, value)
            if facts is not None and facts.country is not None:
                found["ip.country"] = facts.country
        if tables.ip_asn is not None:
            facts = tables.ip_asn.find(version, value)
            if facts is not None and facts.asn is not None:
                found["ip.asn"] = facts.asn
        if tables.datacenters is not None:
            found["ip.is_datacenter"] = tables.datacenters.holds(version, value)
        if tables.vpns is not None:
            found["ip.is_vpn"] = tables.vpns.holds(version, value)

    def add_email(self, text: object, found: Fields) -> None:
        """Facts of an e-mail address."""
        email = canonical_email(text)
        if email is None:
            return
        found["email.canonical"], found["email.domain"] = email
        found["email.is_disposable"], found["email.is_free"] = self._domain_facts(email.domain)

    def _domain(self, domain: str) -> tuple[bool, bool]:
        return domain in self.tables.disposable, domain in self.tables.free

    def add_card(self, value: object, found: Fields) -> None:
        """Facts of an issuer number of 6-8 digits (text or int)."""
        if isinstance(value, str) or type(value) is int:
            found.update(self._card_facts(str(value)))

    def _card(self, text: str) -> Fields:
        digits = canonical_bin(text)
        if digits is None:
            return {}
        facts = (self.tables.bins and self.tables.bins.find(digits)) or NOTHING
        found = {
            "card.brand": facts.brand or self._brands.brand_of(digits),
            "card.funding": facts.funding,
            "card.is_prepaid": facts.is_prepaid,
            "card.country": facts.country,
            "card.issuer": facts.issuer,
        }
        return {name: fact for name, fact in found.items() if fact is not None}

    def add_merchant(self, mcc: object, found: Fields) -> None:
        """Risk group of a category code (four digits in text, or int)."""
        code = f"{mcc:04d}" if type(mcc) is int else mcc
        group = self._groups.get(code) if isinstance(code, str) else None
        if group is not None:
            found["merchant.mcc_group"] = group

    def add_amount(
        self, amount: object, currency: object, found: Fields
    ) -> tuple[str | None, FrozenRate | None]:
        """Amount in the base currency; answers the degradation word, if any, and the rate."""
        if type(amount) is not int or not isinstance(currency, str):
            return None, None
        rate = self.tables.rates.frozen(currency)
        if rate is None:
            return RATE_MISSING, None
        converted = rate.convert(amount)
        if max(abs(amount), abs(converted)) > INT64_MAX:
            return AMOUNT_OUT_OF_RANGE, rate
        found["payment.amount_base_minor"] = converted
        return None, rate
