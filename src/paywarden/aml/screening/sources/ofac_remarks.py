"""Facts in the remarks of OFAC's CSV files: birth dates, gender, nationality, numbers, wallets.

The field is a list of phrases parted by `; `, ended by a full stop. What is not understood stays in
the remarks and is no fault. Names in remarks (`a.k.a. 'BNC'`) are weak: OFAC prints
the weak ones there. Source: OFAC, Data Formats and Schemas.
"""

from __future__ import annotations

import re
from typing import Final

from paywarden.aml.screening.sources.drafting import Draft

_QUOTED: Final = re.compile(r"(?:alt\. )?[afn]\.k\.a\. '(.+)'\.?\Z")
_DATE: Final = re.compile(r"(?:alt\. )?DOB (.+?)\.?\Z")
_LAND: Final = re.compile(r"(?:alt\. )?(?:nationality|citizen|Vessel Flag|Nationality) (.+?)\.?\Z")
_GENDER: Final = re.compile(r"Gender (\w+)\.?\Z")
_WALLET: Final = re.compile(r"(?:alt\. )?Digital Currency Address - (\w+) (\S+?)\.?\Z")
_IMO: Final = re.compile(
    r"(?:alt\. )?(?:Vessel Registration Identification|Identification Number|Company Number)"
    r" IMO (\d{7})\b"
)
_NUMBER: Final = re.compile(
    r"(?:alt\. )?((?:Passport|Cedula No\.|National ID No\.|NIT #|Tax ID No\.|RUC #|RIF #|D\.N\.I\.|"
    r"Registration Number|Registration ID|Folio Mercantil No\.|Identification Number|"
    r"Commercial Registry Number|Company Number|Matricula Mercantil No|D-U-N-S Number|MMSI|SSN|"
    r"Driver's License No\.|V\.A\.T\. Number|C\.R\. No\.|Business Registration Number|"
    r"Business Registration Document #|Trade License No\.|C\.U\.R\.P\.|C\.U\.I\.P\.|R\.F\.C\.|"
    r"Birth Certificate Number|Residency Number|Diplomatic Passport|Stateless Person ID Card|"
    r"Aircraft Tail Number|Aircraft Manufacturer's Serial Number \(MSN\)|Phone Number|"
    r"SWIFT/BIC|BIK \(RU\)|LE Number|Legal Entity Number|UK Company Number|"
    r"Seafarer's Identification Document|Personal ID Card|Bank Identification Number|"
    r"Email Address|Website))"
    r" #? ?(\S+)(?: \((.+?)\))?"
)


def is_wallet(kind: str) -> bool:
    """Whether a kind of number is an address of a digital currency."""
    return kind.strip().casefold().startswith("digital currency address")


def read_remarks(draft: Draft, remarks: str) -> None:
    """Add what the phrases tell."""
    for phrase in remarks.split("; "):
        _phrase(draft, phrase.strip())
    draft.remark(remarks)


def _phrase(draft: Draft, phrase: str) -> None:
    if found := _QUOTED.match(phrase):
        draft.name(found[1], "weak")
    elif found := _DATE.match(phrase):
        draft.born(found[1])
    elif found := _LAND.match(phrase):
        draft.country(found[1])
    elif found := _GENDER.match(phrase):
        draft.gender(found[1])
    elif found := _WALLET.match(phrase):
        draft.number("wallet", found[2])
    elif found := _IMO.match(phrase):
        draft.number("imo", found[1])
    elif found := _NUMBER.match(phrase):
        draft.number(found[1], found[2].rstrip(".;,"))
