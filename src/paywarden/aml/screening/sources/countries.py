"""Names of countries as lists write them, to ISO 3166-1 alpha-2.

Guards: a name that is not known gives None and never a guess; what a country was called before
(Burma, Swaziland) and how authorities invert names (`Korea, North`) is known. Sources: the house's
table of countries, and the spellings of OFAC, UN, EU and UK lists.

>>> alpha2_of("Iran (Islamic Republic of)"), alpha2_of("Korea, North"), alpha2_of("deu")
('IR', 'KP', 'DE')
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from typing import Final

from paywarden.reference.countries import countries, country, country_by_alpha3_or_numeric

_WORD: Final = re.compile(r"[^\W_]+")
_LENGTH_LIMIT: Final = 120

_OTHER_NAMES: Final = {
    "AE": "uae",
    "BA": "bosnia|bosnia herzegovina",
    "BN": "brunei",
    "BO": "plurinational state of bolivia",
    "BS": "the bahamas|bahamas the",
    "CD": "democratic republic of the congo|congo democratic republic of the|"
    "congo democratic republic|dr congo|drc|zaire|congo kinshasa|congo dem rep|"
    "democratic republic of congo",
    "CG": "republic of the congo|congo republic of the|congo brazzaville|congo",
    "CI": "ivory coast|cote divoire",
    "CN": "peoples republic of china|china peoples republic of|mainland china|prc",
    "CV": "cape verde",
    "CZ": "czech republic",
    "FM": "federated states of micronesia|micronesia federated states of",
    "GB": "uk|great britain|england|scotland|wales|northern ireland|"
    "united kingdom of great britain and northern ireland",
    "GM": "the gambia|gambia the",
    "HK": "china hong kong special administrative region|hong kong sar|hong kong china",
    "KP": "north korea|korea north|dprk|democratic peoples republic of korea|"
    "korea democratic peoples republic of",
    "KR": "south korea|korea south|republic of korea|korea republic of",
    "LA": "laos",
    "MD": "republic of moldova|moldova republic of",
    "MK": "macedonia|the republic of north macedonia|macedonia the former yugoslav republic of",
    "MM": "burma|myanmar burma",
    "MO": "macau|china macao special administrative region",
    "PS": "palestine|palestinian|state of palestine|palestine state of|palestinian territories|"
    "occupied palestinian territories|palestinian territory occupied|west bank|gaza|"
    "region gaza|gaza strip|west bank and gaza",
    "RU": "russia",
    "ST": "sao tome e principe",
    "SY": "syria",
    "SZ": "swaziland",
    "TL": "east timor",
    "TR": "turkey",
    "TW": "taiwan province of china|republic of china",
    "TZ": "united republic of tanzania|tanzania united republic of",
    "US": "united states of america|usa|u s a|u s",
    "VA": "vatican|vatican city|vatican city state",
    "VE": "venezuela|bolivarian republic of venezuela",
    "VG": "british virgin islands|virgin islands british",
    "VI": "us virgin islands|virgin islands us",
    "VN": "vietnam",
    "XK": "kosovo",
}


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.replace("'", "").replace("\u2019", ""))
    bare = "".join(one for one in plain if not unicodedata.combining(one))
    return " ".join(_WORD.findall(bare.casefold()))


@cache
def _by_name() -> dict[str, str]:
    known = {_folded(one.name): one.alpha2 for one in countries().values()}
    for code, names in _OTHER_NAMES.items():
        if country(code) is not None:
            known.update(dict.fromkeys(names.split("|"), code))
    return known


@lru_cache(maxsize=4_096)
def alpha2_of(text: str) -> str | None:
    """Alpha-2 code of a code (alpha-2, alpha-3, numeric) or of a name; None when not known."""
    given = text.strip()[:_LENGTH_LIMIT]
    upper = given.upper()
    if len(given) <= 3 and given.isascii():
        found = country(upper) or country_by_alpha3_or_numeric(upper)
        if found is not None:
            return found.alpha2
    names = _by_name()
    bases = (given, given.partition("(")[0], given.partition(",")[0])
    return next((names[one] for one in map(_folded, bases) if one in names), None)
