"""Parts that both messages share: amounts, instants, parties, agents, accounts, remittance.

Guards: amounts go from text to minor units by whole numbers alone, and what does not fit the
currency's exponent is refused, never rounded; an IBAN must pass its check digits. Runs of white
space become one blank, nothing else of a text is changed.
Source: ISO 20022 message component names; ISO 4217 exponents; ISO 13616.

>>> minor_units("12.5", "EUR")
1250
>>> minor_units("12.500", "EUR")
1250
>>> minor_units("12", "JPY")
12
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

from paywarden.decision.iso20022.faults import TransactionFault
from paywarden.decision.iso20022.reading import Placed, below, first, text
from paywarden.reference.currencies import active_currency, currency
from paywarden.reference.ibans import electronic, iban_fault

MOST_MINOR: Final = 9_007_199_254_740_991
"""What the payment contract takes: whole numbers that every JSON reader keeps."""
_DECIMAL: Final = re.compile(r"\+?([0-9]*)(?:\.([0-9]*))?\Z", re.ASCII)
_INSTANT: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?\Z",
    re.ASCII,
)
_COUNTRY: Final = re.compile(r"[A-Z]{2}\Z", re.ASCII)
_IBAN_WRONG: Final = {
    "form": "this is not an IBAN",
    "length": "the IBAN has not the length of its country",
    "check_digits": "the check digits of the IBAN are wrong",
}


class Amount(NamedTuple):
    """Minor units, and their ISO 4217 code."""

    minor: int
    currency: str


class Party(NamedTuple):
    """Who pays or is paid. `identifiers`: LEI, BIC or numbers, as `scheme:number`."""

    name: str | None
    country: str | None
    birth_date: date | None
    identifiers: tuple[str, ...]
    city: str | None = None
    postal_code: str | None = None
    street: str | None = None


class Account(NamedTuple):
    """`identity`: the IBAN in electronic form, or `BIC/number`. `country`: of an IBAN."""

    identity: str
    country: str | None


NOBODY: Final = Party(None, None, None, ())


def minor_units(said: str, code: str) -> int:
    """Minor units of a decimal text. Errors: TransactionFault."""
    found = _DECIMAL.match(said.strip())
    whole, fraction = (found[1], found[2] or "") if found else ("", "")
    if not whole and not fraction:
        raise TransactionFault("iso20022_amount", "the amount is not a decimal number")
    if not active_currency(code):
        raise TransactionFault("currency_unknown", "not an active ISO 4217 currency code")
    known = currency(code)
    assert known is not None
    exponent = known.exponent or 0
    fraction = fraction.rstrip("0")
    if len(fraction) > exponent:
        detail = f"{code} has {exponent} decimal places; the amount has more"
        raise TransactionFault("iso20022_amount", detail)
    minor = int((whole or "0") + fraction.ljust(exponent, "0"))
    if minor > MOST_MINOR:
        raise TransactionFault("iso20022_amount", "the amount is larger than a payment may be")
    return minor


def amount(parent: Placed, *path: str) -> Amount:
    """The amount down a path. Errors: TransactionFault with that path."""
    found = first(parent, *path)
    if found is None:
        raise TransactionFault("iso20022_amount", "there is no amount", *path[:-1])
    code = found.get("Ccy", "")
    try:
        return Amount(minor_units(found.text or "", code), code)
    except TransactionFault as fault:
        raise TransactionFault(fault.code, fault.detail, *path) from None


def instant(said: str | None) -> datetime | None:
    """An ISODateTime in UTC; without a zone it is read as UTC; None for one that is none."""
    found = _INSTANT.match(said or "")
    if found is None:
        return None
    fraction = ((found[2] or ".0")[1:] + "000000")[:6]
    zone = "+00:00" if found[3] in (None, "Z") else found[3]
    try:
        return datetime.fromisoformat(f"{found[1]}.{fraction}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def party(parent: Placed, name: str) -> Party:
    """The party of that element name; NOBODY where there is none."""
    element = first(parent, name)
    if element is None:
        return NOBODY
    address = first(element, "PstlAdr")
    country = text(address, "Ctry") or text(element, "CtryOfRes")
    return Party(
        name=text(element, "Nm"),
        country=country if country and _COUNTRY.match(country) else None,
        birth_date=_birth_date(element),
        identifiers=tuple(_identifiers(element)),
        city=text(address, "TwnNm"),
        postal_code=text(address, "PstCd"),
        street=_street(address),
    )


def agent(parent: Placed, name: str) -> str | None:
    """How a bank is named: its BIC, else its LEI, else its clearing number."""
    element = first(parent, name, "FinInstnId")
    for path in (("BICFI",), ("BIC",), ("LEI",)):
        if found := text(element, *path):
            return found
    number = text(element, "ClrSysMmbId", "MmbId")
    system = text(element, "ClrSysMmbId", "ClrSysId", "Cd")
    return f"{system}:{number}" if system and number else number


def account(parent: Placed, name: str, bank: str | None) -> Account | None:
    """The account of that element name. Errors: TransactionFault for a wrong IBAN."""
    element = first(parent, name)
    if element is None:
        return None
    if iban := text(element, "Id", "IBAN"):
        written = electronic(iban)
        if fault := iban_fault(written):
            raise TransactionFault("iban_invalid", _IBAN_WRONG[fault], name, "Id", "IBAN")
        return Account(written, written[:2])
    number = text(element, "Id", "Othr", "Id") or text(element, "Prxy", "Id")
    if number is None:
        return None
    return Account(f"{bank}/{number}" if bank else number, None)


def remittance(parent: Placed) -> str | None:
    """What the payment is for, free text first, then structured references; in order, all of it."""
    element = first(parent, "RmtInf")
    if element is None:
        return None
    said = [text(found) for found in below(element, "Ustrd")]
    for structured in below(element, "Strd"):
        said += [text(found) for found in below(structured, "CdtrRefInf", "Ref")]
        said += [text(found) for found in below(structured, "RfrdDocInf", "Nb")]
        said += [text(found) for found in below(structured, "AddtlRmtInf")]
    return " / ".join(one for one in said if one) or None


def _street(address: Placed | None) -> str | None:
    if address is None:
        return None
    named = " ".join(filter(None, (text(address, "StrtNm"), text(address, "BldgNb"))))
    lines = [text(line) for line in below(address, "AdrLine")]
    return named or ", ".join(line for line in lines if line) or None


def _birth_date(element: Placed) -> date | None:
    said = text(element, "Id", "PrvtId", "DtAndPlcOfBirth", "BirthDt")
    try:
        return date.fromisoformat(said[:10]) if said else None
    except ValueError:
        return None


def _identifiers(element: Placed) -> list[str]:
    found = []
    for names, scheme in (
        (("Id", "OrgId", "LEI"), "LEI"),
        (("Id", "OrgId", "AnyBIC"), "BIC"),
        (("Id", "OrgId", "BICOrBEI"), "BIC"),
    ):
        if said := text(element, *names):
            found.append(f"{scheme}:{said}")
    for kind in ("OrgId", "PrvtId"):
        for other in below(element, "Id", kind, "Othr"):
            scheme = text(other, "SchmeNm", "Cd") or text(other, "SchmeNm", "Prtry") or "ID"
            if said := text(other, "Id"):
                found.append(f"{scheme}:{said}")
    return found
