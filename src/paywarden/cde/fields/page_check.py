"""Change and tamper detection for payment pages: what a browser would receive, against a list.

Guards: every script, style sheet, frame, form target and inline piece of the page is on the list,
with the hash of what is really served; every header that protects the page is there and no weaker.
An added, changed or vanished one is a finding. Standard: PCI DSS 4.0.1, 11.6.1 (HTTP headers and
script contents of payment pages, as received by the consumer browser, at least weekly) and 6.4.3
(inventory with justification). Pure: fetching is the command's. Not seen from here: what a script
does once it runs, and pages that show something else to who checks.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Annotated, Final
from urllib.parse import urljoin

import msgspec
from msgspec import Meta

from paywarden.cde.fields.served import files, page_headers
from paywarden.core.errors import InvalidRequest

Text = Annotated[str, Meta(max_length=4_096)]
PARTS_LIMIT: Final = 200
PAGE_OCTETS: Final = 4 << 20
_WEAK_WORDS: Final = ("'unsafe-inline'", "'unsafe-eval'", "'unsafe-hashes'", "data:", "blob:", "*")
_RUNNING_ATTRIBUTES: Final = frozenset({"formaction", "srcdoc", "style"})
_RUNNING_SCHEMES: Final = ("javascript:", "data:", "vbscript:")
_TRANSPORT: Final = "strict-transport-security"


class Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One part that the page may have: `address` (or "inline"), hash, and why it is there."""

    kind: Text
    address: Text
    integrity: Text
    why: Text
    authorised_by: Text = ""


class Inventory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a page may have, and the headers that it must come with."""

    parts: list[Listed]
    headers: dict[Text, Text]


class Finding(msgspec.Struct, frozen=True):
    """One difference: `code` says of which sort, `what` names the part or header."""

    code: str
    what: str


@dataclass(frozen=True, slots=True)
class Part:
    """One part as the page has it; `claimed` is its integrity attribute."""

    kind: str
    address: str
    octets: bytes | None
    claimed: str = ""


Fetch = Callable[[str], bytes | None]
"""Octets at an address; None when they cannot be had."""


def own_inventory(origin: str, ancestors: tuple[str, ...]) -> Inventory:
    """What the page of the hosted fields at `origin` has, from the files themselves."""
    kinds = {"text/javascript": "script", "text/css": "style"}
    parts = [
        Listed(kinds[one.content_type.split(";")[0]], origin + one.path, one.integrity, one.why)
        for one in files()
        if one.name != "paywarden-fields.js"
    ]
    return Inventory(parts, dict(page_headers(origin, ancestors)) | _ALWAYS)


_ALWAYS: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def check(
    address: str, page: bytes, headers: Mapping[str, str], wanted: Inventory, fetch: Fetch
) -> list[Finding]:
    """Every difference between a page and its inventory, worst sorts first by name."""
    found = [*_header_findings(headers, wanted.headers)]
    expected = {(one.kind, one.address): one for one in wanted.parts}
    seen = set()
    for part in parts_of(address, page):
        key = (part.kind, part.address)
        octets = part.octets if part.octets is not None else fetch(part.address)
        listed = _listed(expected, part, octets)
        if listed is None:
            found.append(Finding(f"{part.kind}_added", part.address))
            continue
        seen.add((listed.kind, listed.address, listed.integrity))
        if octets is None:
            found.append(Finding(f"{part.kind}_unreachable", part.address))
        elif integrity_of(octets) != listed.integrity:
            found.append(Finding(f"{part.kind}_changed", part.address))
        if part.claimed and part.claimed != listed.integrity:
            found.append(Finding("integrity_changed", part.address))
        if part.kind == "script" and part.octets is None and not part.claimed:
            found.append(Finding("integrity_missing", key[1]))
    found += [
        Finding(f"{one.kind}_missing", one.address)
        for one in wanted.parts
        if (one.kind, one.address, one.integrity) not in seen
    ]
    return sorted(set(found), key=lambda one: (one.code, one.what))


def _listed(
    expected: Mapping[tuple[str, str], Listed], part: Part, octets: bytes | None
) -> Listed | None:
    """The entry of a part; of inline ones each has a hash of its own as its address."""
    if part.octets is None:
        return expected.get((part.kind, part.address))
    return expected.get((part.kind, f"inline {integrity_of(octets or b'')}"))


def integrity_of(octets: bytes) -> str:
    """`sha384-...` of octets."""
    return "sha384-" + base64.b64encode(hashlib.sha384(octets).digest()).decode()


def parts_of(address: str, page: bytes) -> list[Part]:
    """Scripts, styles, frames, forms, handlers and base of a page. Errors: InvalidRequest."""
    reader = _Reader(address)
    reader.feed(page.decode("utf-8", "replace"))
    reader.close()
    if len(reader.found) > PARTS_LIMIT:
        raise InvalidRequest("page_too_complex", f"the page has over {PARTS_LIMIT} parts")
    return reader.found


@dataclass(slots=True)
class _Open:
    kind: str
    text: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    """Collects what runs, or can take data away."""

    _ADDRESSED: Final = {"iframe": "src", "frame": "src", "embed": "src", "object": "data",
                         "form": "action", "base": "href", "applet": "code"}  # fmt: skip

    def __init__(self, address: str) -> None:
        super().__init__(convert_charrefs=True)
        self._address = address
        self._open: _Open | None = None
        self.found: list[Part] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One tag; `svg` and others cannot hide handlers, since every tag is looked at."""
        given = {name: value or "" for name, value in attrs}
        claimed = given.get("integrity", "")
        address = given.get("src") or given.get("href") or given.get("xlink:href")
        if tag == "script" and address:
            self._outside("script", address, claimed)
        elif tag in ("script", "style"):
            self._open = _Open(tag)
        elif tag == "link" and self._runs(given.get("rel", "")) and "href" in given:
            kind = "style" if "stylesheet" in given["rel"].lower() else "script"
            self._outside(kind, given["href"], claimed)
        elif tag in self._ADDRESSED and given.get(self._ADDRESSED[tag]):
            self._outside(tag, given[self._ADDRESSED[tag]], claimed)
        elif tag == "meta" and given.get("http-equiv"):
            self._inside("meta", f"{given['http-equiv']} {given.get('content', '')}")
        for name, value in given.items():
            scheme = "".join(value.split()).lower().startswith(_RUNNING_SCHEMES)
            if name.startswith("on") or name in _RUNNING_ATTRIBUTES or scheme:
                self._inside("handler", f"{tag} {name} {value}")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag that ends itself: HTML does not, so it opens."""
        self.handle_starttag(tag, attrs)

    def handle_data(self, data: str) -> None:
        """Text of an inline script or style."""
        if self._open is not None:
            self._open.text.append(data)

    def handle_endtag(self, tag: str) -> None:
        """The end of an inline piece."""
        if self._open is not None and tag == self._open.kind:
            self._inside(tag, "".join(self._open.text))
            self._open = None

    def close(self) -> None:
        """The end of the page, which ends an inline piece too."""
        super().close()
        if self._open is not None:
            self._inside(self._open.kind, "".join(self._open.text))
            self._open = None

    @staticmethod
    def _runs(rel: str) -> bool:
        words = rel.lower().split()
        return any(one in words for one in ("stylesheet", "preload", "modulepreload", "import"))

    def _outside(self, kind: str, address: str, claimed: str) -> None:
        self.found.append(Part(kind, urljoin(self._address, address.strip()), None, claimed))

    def _inside(self, kind: str, text: str) -> None:
        octets = text.encode("utf-8", "replace")
        self.found.append(Part(kind, f"inline {integrity_of(octets)}", octets))


def _header_findings(headers: Mapping[str, str], wanted: Mapping[str, str]) -> list[Finding]:
    given = {name.lower(): value for name, value in headers.items()}
    found = []
    for name, value in wanted.items():
        if name not in given:
            found.append(Finding("header_missing", name))
        elif name == "content-security-policy":
            found += _policy_findings(given[name], value)
        elif name == _TRANSPORT:
            if _max_age(given[name]) < _max_age(value):
                found.append(Finding("header_weakened", name))
        elif given[name].strip() != value:
            found.append(Finding("header_changed", name))
    if "access-control-allow-origin" in given:
        found.append(Finding("header_added", "access-control-allow-origin"))
    if "set-cookie" in given:
        found.append(Finding("header_added", "set-cookie"))
    return found


def _policy_findings(given: str, wanted: str) -> list[Finding]:
    """Each directive is there and allows nothing that the list does not."""
    has, should = _directives(given), _directives(wanted)
    found = []
    for name, words in should.items():
        if name not in has:
            found.append(Finding("policy_missing", name))
        elif more := has[name] - words:
            weak = any(one in more for one in _WEAK_WORDS)
            found.append(Finding("policy_weakened" if weak else "policy_widened", name))
        elif words - has[name]:
            found.append(Finding("policy_changed", name))
    found += [Finding("policy_added", name) for name in has.keys() - should.keys()]
    return found


def _directives(policy: str) -> dict[str, frozenset[str]]:
    """Directives by name; of two with one name the first counts, as in browsers."""
    made: dict[str, frozenset[str]] = {}
    for part in policy.split(";"):
        words = part.split()
        if words and words[0].lower() not in made:
            made[words[0].lower()] = frozenset(words[1:])
    return made


def _max_age(value: str) -> int:
    for part in value.lower().split(";"):
        name, _, number = part.strip().partition("=")
        if name == "max-age" and number.strip('"').isdigit():
            return int(number.strip('"')[:12])
    return -1
