"""Canonical forms: one spelling for each e-mail, phone, address, IP, BIN and account.

Guards: windows, lists and links must meet whatever spelling an attacker chooses, and must meet
again on replay. Every function is total: strange input gives None, never an exception; input and
output are bounded; only Unicode's stable operations are used (NFKC, and IDNA 2003 whose tables are
frozen at Unicode 3.2), so a newer Python gives the same keys. A changed form means a new
`CANONICAL_VERSION`, which the decision's log carries.

Not done here: whether an address exists; hashing of personal values (the caller's digest).
Standards: RFC 5321 4.5.3.1 (lengths), RFC 3490 (IDNA), ITU-T E.164, RFC 4291 2.5.5.2.

>>> canonical_email("Ann.Example+shop@GoogleMail.com").text
'annexample@gmail.com'
>>> canonical_phone("0049 (0)30 123-4567")
'+49301234567'
>>> canonical_ip("::ffff:203.0.113.9").text
'203.0.113.9'
"""

from __future__ import annotations

import ipaddress
import re
import socket
import unicodedata
from functools import lru_cache
from typing import Final, NamedTuple

CANONICAL_VERSION: Final = 1
"""Version of all forms in this module; part of every decision's log entry."""

MAX_INPUT_CHARS: Final = 1_024
_MAX_EMAIL = 254
_MAX_LOCAL = 64
_MAX_KEY = 200
_MAX_ACCOUNT = 64

# Both domains deliver to one mailbox, and dots in the local part are not significant there.
_DOTLESS: Final = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}

_OCTETS: Final = {str(octet): octet for octet in range(256)}
_DOMAIN = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
).fullmatch
_LOCAL_ASCII = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~.-]+").fullmatch
_PHONE_EXTENSION = re.compile(r"(?:[;,#x]|ext).*", re.DOTALL)
_PHONE_NOISE = re.compile(r"[\s().\-/\u2010-\u2015\u2212\[\]]+")
_PHONE_TRUNK = re.compile(r"(?<=\d)[\s\-.]*\(\s*0\s*\)")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}").fullmatch
_BIN = re.compile(r"([0-9]{6,8})[xX*•]*").fullmatch
_WORDS = re.compile(r"[^\W_]+")
_COUNTRY = re.compile(r"[A-Z]{2}").fullmatch


class Email(NamedTuple):
    """Canonical mailbox: `text` is local@domain, `domain` is in ASCII (A-labels)."""

    text: str
    domain: str


class Ip(NamedTuple):
    """An address: version 4 or 6, its integer, its text and its prefix (/24 or /64) as text."""

    version: int
    value: int
    text: str
    prefix: str


def _fold(text: object) -> str | None:
    """Trimmed NFKC text of bounded length without invisible format characters, or None."""
    if not isinstance(text, str) or len(text) > MAX_INPUT_CHARS:
        return None
    if text.isascii():
        return text.strip()
    folded = unicodedata.normalize("NFKC", text)
    visible = "".join(ch for ch in folded if unicodedata.category(ch) != "Cf")
    return visible.strip() if len(visible) <= MAX_INPUT_CHARS else None


def ascii_digits(text: str) -> str:
    """Every character with a digit value (any script) as its ASCII digit; the rest unchanged."""
    if text.isascii():
        return text
    return "".join(_digit(ch) for ch in text)


def _digit(character: str) -> str:
    value = unicodedata.digit(character, -1)
    return character if value < 0 else str(value)


def canonical_domain(text: object) -> str | None:
    """Lower-case ASCII domain without a closing dot, or None when it is no host name."""
    folded = _fold(text)
    if not folded:
        return None
    domain = folded.lower().removesuffix(".")
    if not domain.isascii():
        domain = _to_ascii(domain)
    if len(domain) > 253 or not _DOMAIN(domain):
        return None
    return domain


def _to_ascii(domain: str) -> str:
    # A label is at most 63 octets (RFC 1035); the codec is slow on long ones.
    labels = re.split("[.\u3002\uff0e\uff61]", domain)
    if len(labels) > 127 or any(len(label) > 63 for label in labels):
        return ""
    try:
        return ".".join(
            label if label.isascii() else label.encode("idna").decode("ascii") for label in labels
        ).lower()
    except UnicodeError:
        return ""


@lru_cache(16_384)
def _known_host(host: str) -> bool:
    return canonical_domain(host) == host


def canonical_email(text: object) -> Email | None:
    """Canonical mailbox of an e-mail address, or None when it is not one.

    Trim, NFKC, lower case, invisible characters out, domain to ASCII; everything from the first
    plus sign of the local part is dropped (unless nothing would remain); at Gmail dots are dropped
    and both of its domains become one.
    """
    if isinstance(text, str) and len(text) <= _MAX_EMAIL and text.isascii():
        # The usual case, cheaply; the long way below gives the same for it.
        local, _at, host = text.lower().rpartition("@")
        if len(local) <= 2 * _MAX_LOCAL and _LOCAL_ASCII(local) and _known_host(host):
            return _mailbox(local, host)
    folded = _fold(text)
    if not folded or len(folded) > 2 * _MAX_EMAIL:
        return None
    # Lower-casing may undo the normal form, so it is made again.
    local, at, host = (_fold(folded.lower()) or "").rpartition("@")
    domain = canonical_domain(host) if at else None
    if domain is None or not _local_is_plain(local):
        return None
    return _mailbox(local, domain)


def _mailbox(local: str, domain: str) -> Email | None:
    mailbox = local.partition("+")[0] or local
    same = _DOTLESS.get(domain)
    if same is not None:
        domain = same
        mailbox = mailbox.replace(".", "") or mailbox
    canonical = f"{mailbox}@{domain}"
    return Email(canonical, domain) if len(canonical) <= _MAX_EMAIL else None


def _local_is_plain(local: str) -> bool:
    if not local or len(local) > _MAX_LOCAL * 2:
        return False
    if local.isascii():
        return _LOCAL_ASCII(local) is not None
    # Internationalised local parts (RFC 6531): anything visible that is not a separator.
    return not any(ch in '@"(),:;<>[\\]' or unicodedata.category(ch)[0] in "ZC" for ch in local)


def canonical_phone(text: object) -> str | None:
    """E.164 text `+` and 7-15 digits, or None (also for national numbers: no country is guessed).

    Punctuation, `tel:`, extensions and a bracketed trunk zero are dropped; leading 00 becomes +.
    """
    folded = _fold(text)
    if not folded:
        return None
    number = ascii_digits(folded).lower().removeprefix("tel:")
    number = _PHONE_TRUNK.sub("", _PHONE_EXTENSION.sub("", number))
    number = _PHONE_NOISE.sub("", number)
    if number.startswith("00"):
        number = "+" + number[2:]
    return number if _E164(number) else None


def parse_ip(text: object) -> tuple[int, int] | None:
    """Version (4 or 6) and integer of an address, or None; the fast half of `canonical_ip`.

    IPv4-mapped IPv6 becomes IPv4; brackets and a zone index are dropped. Leading zeros in IPv4
    octets are refused: readers disagree whether they mean octal.
    """
    if not isinstance(text, str) or len(text) > 64:
        return None
    if ":" in text:
        return _ipv6(text.strip())
    try:
        a, b, c, d = text.strip().split(".")
        return 4, _OCTETS[a] << 24 | _OCTETS[b] << 16 | _OCTETS[c] << 8 | _OCTETS[d]
    except (ValueError, KeyError):
        return None


def _ipv6(text: str) -> tuple[int, int] | None:
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    try:
        packed = socket.inet_pton(socket.AF_INET6, text.partition("%")[0])
    except (OSError, ValueError):
        return None
    value = int.from_bytes(packed, "big")
    return (4, value & 0xFFFF_FFFF) if value >> 32 == 0xFFFF else (6, value)


def ip_prefix(version: int, value: int) -> str:
    """Text of the /24 (IPv4) or /64 (IPv6, RFC 5952) that holds the address."""
    if version == 4:
        return f"{value >> 24}.{value >> 16 & 255}.{value >> 8 & 255}.0/24"
    # The zero half is the longest run of zeros, with the zero groups before it.
    groups = [f"{value >> shift & 0xFFFF:x}" for shift in (112, 96, 80, 64)]
    while groups and groups[-1] == "0":
        groups.pop()
    return ":".join(groups) + "::/64"


def canonical_ip(text: object) -> Ip | None:
    """Parsed address with its text forms, or None; rules of `parse_ip`."""
    parsed = parse_ip(text)
    if parsed is None:
        return None
    version, value = parsed
    kind = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
    return Ip(version, value, str(kind(value)), ip_prefix(version, value))


def canonical_bin(text: object) -> str | None:
    """Issuer identification number: 6-8 ASCII digits, or None.

    Blanks and dashes are dropped, as are mask characters at the end. More than eight digits give
    None: whoever sends more sends a card number, which is refused elsewhere.
    """
    folded = _fold(text)
    if not folded or len(folded) > 32:
        return None
    match = _BIN(folded if folded.isdigit() and folded.isascii() else _bare(folded))
    return match.group(1) if match else None


def _bare(text: str) -> str:
    return re.sub(r"[\s\-\u2010-\u2015\u2212]", "", ascii_digits(text))


def canonical_account(text: object) -> str | None:
    """Account or IBAN: upper case without blanks, 1-64 characters, or None."""
    folded = _fold(text)
    if not folded:
        return None
    account = _fold("".join(folded.split()).upper()) or ""
    if not 0 < len(account) <= _MAX_ACCOUNT or not account.isprintable():
        return None
    return account


def canonical_country(text: object) -> str | None:
    """Upper-case alpha-2 form (ISO 3166-1 membership is not checked), or None."""
    folded = _fold(text)
    country = folded.upper() if folded else ""
    return country if _COUNTRY(country) else None


def canonical_words(text: object) -> str | None:
    """Case-folded words without accents and punctuation, single blanks between; None if empty."""
    folded = _fold(text)
    if not folded:
        return None
    plain = unicodedata.normalize("NFKD", folded.casefold())
    bare = "".join(ch for ch in plain if not unicodedata.combining(ch))
    return " ".join(_WORDS.findall(bare))[:_MAX_KEY].strip() or None


def canonical_address(
    country: object, postal_code: object, street: object = None, house: object = None
) -> str | None:
    """Key `COUNTRY|POSTALCODE|street house` of an address, or None.

    A country alone is nobody's address, so either postal code or street must be there as well.
    """
    land = canonical_country(country)
    if land is None:
        return None
    post = (canonical_words(postal_code) or "").replace(" ", "").upper()[:20]
    road = " ".join(w for w in (canonical_words(street), canonical_words(house)) if w)
    if not post and not road:
        return None
    return f"{land}|{post}|{road}"[:_MAX_KEY]


def canonical_text(text: object) -> str | None:
    """Trimmed NFKC text of 1-200 printable characters, case kept, or None (list values)."""
    folded = _fold(text)
    if not folded or len(folded) > _MAX_KEY or not folded.isprintable():
        return None
    return folded
