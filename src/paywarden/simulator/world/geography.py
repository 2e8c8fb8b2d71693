"""Countries of the world: currency, clock, language, networks, card issuers.

Networks are blocks that are publicly registered to access providers or hosting companies of that
country, so that address tables place them; the single addresses are drawn at random and stand for
nobody. Clock offsets are winter time and ignore daylight saving: the day's rhythm needs no more.
Bank identification numbers come from the ranges that schemes and processors publish for tests.
"""

from __future__ import annotations

from dataclasses import dataclass

from paywarden.simulator.words import Funding


@dataclass(frozen=True, slots=True)
class Country:
    """One country. `offset_hours` from UTC, `rate` units of its currency per euro."""

    code: str
    currency: str
    exponent: int
    rate: float
    offset_hours: int
    language: str
    dialling: str
    share: float
    homes: str
    mobile: str
    hosting: str


COUNTRIES = (
    Country("DE", "EUR", 2, 1.0, 1, "de", "49", 0.27, "84.128.0.0/10", "80.187.0.0/16",
            "88.198.0.0/16"),
    Country("FR", "EUR", 2, 1.0, 1, "fr", "33", 0.17, "90.0.0.0/9", "92.184.96.0/19",
            "51.75.0.0/16"),
    Country("NL", "EUR", 2, 1.0, 1, "nl", "31", 0.12, "84.80.0.0/13", "62.140.128.0/18",
            "159.65.192.0/20"),
    Country("GB", "GBP", 2, 0.86, 0, "en", "44", 0.16, "86.128.0.0/10", "82.132.208.0/20",
            "138.68.128.0/18"),
    Country("ES", "EUR", 2, 1.0, 1, "es", "34", 0.09, "83.32.0.0/12", "95.124.0.0/16",
            "51.68.0.0/16"),
    Country("IT", "EUR", 2, 1.0, 1, "it", "39", 0.08, "79.0.0.0/10", "37.160.0.0/14",
            "5.9.0.0/16"),
    Country("PL", "PLN", 2, 4.3, 1, "pl", "48", 0.05, "83.0.0.0/11", "37.47.0.0/16",
            "5.9.0.0/16"),
    Country("US", "USD", 2, 1.1, -5, "en", "1", 0.05, "73.0.0.0/8", "172.56.0.0/16",
            "104.131.0.0/16"),
    Country("JP", "JPY", 0, 160.0, 9, "ja", "81", 0.01, "126.0.0.0/9", "49.96.0.0/14",
            "159.65.0.0/20"),
)  # fmt: skip
CURRENCIES = tuple(dict.fromkeys(country.currency for country in COUNTRIES))


@dataclass(frozen=True, slots=True)
class Bin:
    """A bank identification number from a test range, and what its issuer is in this world."""

    digits: str
    scheme: str
    country: str
    funding: Funding


_D, _C, _P = Funding.DEBIT, Funding.CREDIT, Funding.PREPAID
BINS = tuple(
    Bin(digits, scheme, country, funding)
    for digits, scheme, country, funding in (
        ("411111", "visa", "DE", _D), ("555555", "mastercard", "DE", _C),
        ("401288", "visa", "DE", _C), ("510510", "mastercard", "FR", _D),
        ("400025", "visa", "FR", _D), ("497010", "visa", "FR", _C),
        ("222300", "mastercard", "NL", _D), ("400052", "visa", "NL", _C),
        ("424242", "visa", "GB", _D), ("520082", "mastercard", "GB", _C),
        ("400082", "visa", "GB", _P), ("400072", "visa", "ES", _D),
        ("545454", "mastercard", "ES", _C), ("400038", "visa", "IT", _P),
        ("530125", "mastercard", "IT", _D), ("400061", "visa", "PL", _D),
        ("222100", "mastercard", "PL", _D), ("400005", "visa", "US", _D),
        ("378282", "amex", "US", _C), ("601111", "discover", "US", _C),
        ("400039", "visa", "JP", _C),
    )
)  # fmt: skip

COUNTRY_CODES = tuple(country.code for country in COUNTRIES)


def country_index(code: str) -> int:
    """Position in COUNTRIES."""
    return COUNTRY_CODES.index(code)
