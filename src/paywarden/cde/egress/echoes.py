"""Finds a card in what came back: the number or code in any of the forms that servers echo.

Guards: nine digits of the number in a row (more than may ever be shown: 8 + 4 do not join),
whatever stands between them; full-width digits; percent-, HTML- and backslash-escaped; base64,
base32 and hexadecimal, also one within the other; reversed; as a hexadecimal integer; its plain
hashes, for BIN and last four leave few candidates (PCI DSS 3.5.1.1). A code counts as a group of
its own (a field that holds the same digits by chance is withheld too). `split_over` finds a number
cut into several fields. Not found: what a server encrypts, or encodes in a way of its own. The
destination was approved; this is a net under it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import html
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import unquote_plus

from paywarden.cde.egress.opening import CardInUse

WINDOW_DIGITS: Final = 9
SHOWN_DIGITS: Final = (8, 4)
"""What may be shown side by side: its joints are no split."""
DEPTH: Final = 3
SHORTEST_MARK: Final = 10
"""A number of 13 digits has ten or more in hexadecimal."""
FORMS_LIMIT: Final = 400
_NOT_DIGITS: Final = re.compile(r"[^0-9]+")
_ESCAPED: Final = re.compile(r"\\(?:u\{?00|u00|x)([0-9A-Fa-f]{2})\}?")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{4,}={0,2}")
_BASE32: Final = re.compile(r"[A-Za-z2-7]{8,}={0,6}")
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2}[ :,-]?){3,}")


class Echoes:
    """What is looked for, of one card; short-lived as the card."""

    def __init__(self, card: CardInUse) -> None:
        number = card.pan.expose().decode()
        self._code = _code_pattern(card.cvv.expose().decode()) if card.cvv is not None else None
        self._windows = frozenset(_windows(number) | _windows(number[::-1]))
        shown = (number[: SHOWN_DIGITS[0]], number[-SHOWN_DIGITS[1] :])
        self._split = self._windows - _windows("".join(shown)) - _windows("".join(shown[::-1]))
        self._number = number
        self._marks: list[str] | None = None  # made for the first text that is long enough

    def found_in(self, text: str) -> str | None:
        """`number` or `cvv` when a text holds it in some form, `tangled` when it has too many."""
        code, forms = False, 0
        for form in _forms(text):
            forms += 1
            digits = _NOT_DIGITS.sub("", form)
            if _hits(digits, self._windows) or self._marked(form):
                return "number"
            code = code or self._holds_code(form)
        if forms >= FORMS_LIMIT:
            return "tangled"
        return "cvv" if code else None

    def split_over(self, texts: Sequence[str]) -> list[int]:
        """Positions of texts that hold the number only together, in their order or backwards."""
        digits = [_NOT_DIGITS.sub("", unicodedata.normalize("NFKC", text)) for text in texts]
        hit: set[int] = set()
        for order in (range(len(digits)), range(len(digits) - 1, -1, -1)):
            owners = [place for place in order for _ in digits[place]]
            joined = "".join(digits[place] for place in order)
            for at in range(len(joined) - WINDOW_DIGITS + 1):
                if joined[at : at + WINDOW_DIGITS] in self._split:
                    hit.update(owners[at : at + WINDOW_DIGITS])
        return sorted(hit)

    def _marked(self, form: str) -> bool:
        if len(form) < SHORTEST_MARK:
            return False
        if self._marks is None:
            self._marks = _marks(self._number)
        lower = form.lower()
        return any(mark in lower for mark in self._marks)

    def _holds_code(self, form: str) -> bool:
        return self._code is not None and self._code.search(form) is not None


def _code_pattern(code: str) -> re.Pattern[str]:
    """The code, forwards or backwards, as a group of its own or behind its name."""
    ways = [r"[^0-9A-Za-z]{0,2}".join(one) for one in (code, code[::-1])]
    before, after = r"(?:(?<![0-9A-Za-z])|(?<=[cvdCVD]))", r"(?![0-9A-Za-z])"
    return re.compile(f"{before}(?:{'|'.join(ways)}){after}")


def _windows(number: str) -> set[str]:
    return {number[at : at + WINDOW_DIGITS] for at in range(len(number) - WINDOW_DIGITS + 1)}


def _hits(digits: str, windows: frozenset[str]) -> bool:
    return any(
        digits[at : at + WINDOW_DIGITS] in windows for at in range(len(digits) - WINDOW_DIGITS + 1)
    )


def _marks(number: str) -> list[str]:
    """Lower-case texts that give the number away without its digits."""
    octets = number.encode()
    hashes = [
        hashlib.md5(octets, usedforsecurity=False).digest(),
        hashlib.sha1(octets, usedforsecurity=False).digest(),
        hashlib.sha256(octets).digest(),
        hashlib.sha512(octets).digest(),
    ]
    coded = [base64.b64encode(one).decode().rstrip("=") for one in hashes]
    coded += [base64.urlsafe_b64encode(one).decode().rstrip("=") for one in hashes]
    return [f"{int(number):x}", *(one.hex() for one in hashes), *(one.lower() for one in coded)]


def _forms(text: str) -> Iterator[str]:
    """The text and what it decodes to, breadth first, each once, at most `FORMS_LIMIT`."""
    seen, layer = {text}, [text]
    yield text
    for _ in range(DEPTH):
        deeper = []
        for form in layer:
            for other in _decoded(form):
                if other not in seen and len(seen) < FORMS_LIMIT and _worth(other):
                    seen.add(other)
                    deeper.append(other)
                    yield other
        layer = deeper


def _worth(form: str) -> bool:
    """Whether a decoded form can hold anything: some digits, or text to decode once more."""
    return sum(map(str.isdigit, form)) >= 3 or (form.isascii() and form.isprintable())


def _decoded(text: str) -> Iterator[str]:
    if not text.isascii():
        yield unicodedata.normalize("NFKC", text)
    if "%" in text or "+" in text:
        yield unquote_plus(text)
    if "&" in text:
        yield html.unescape(text)
    if "\\" in text:
        yield _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    for token in _BASE64.findall(text):
        plain = token.rstrip("=").translate({ord("-"): "+", ord("_"): "/"})
        for skipped in range(4 if len(plain) >= 12 else 1):
            yield from _text_of(plain[skipped:], 4, base64.b64decode)
    for token in _BASE32.findall(text):
        yield from _text_of(token.rstrip("=").upper(), 8, base64.b32decode)
    for token in _HEX.findall(text):
        plain = re.sub(r"[ :,-]", "", token)
        yield bytes.fromhex(plain[: len(plain) // 2 * 2]).decode("latin-1")


def _text_of(token: str, group: int, decode: object) -> Iterator[str]:
    padded = token + "=" * (-len(token) % group)
    try:
        octets = decode(padded)  # type: ignore[operator]
    except (binascii.Error, ValueError):
        return
    yield octets.decode("latin-1")
