"""Documents that hide a text behind a form: office files and mail.

In office files (ECMA-376) one number may be cut by markup into several runs; the markup is taken
out and paragraphs and cells end a number. In mail (RFC 5322, 2045) each part is decoded.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator

_ENDS = re.compile(rb"</(?:w:p|a:p|si|row|c|v|t|text:p|table:table-cell)>|<w:(?:tab|br)/>")
_TAG = re.compile(rb"<[^<>]{0,4096}>")
_PARTS = re.compile(r"(?:word|ppt|xl)/.*\.xml|content\.xml")
_MAIL = re.compile(
    rb"(?im)^(?:content-transfer-encoding:\s*(?:base64|quoted-printable)|mime-version:)"
)
_HEADER = re.compile(rb"\A(?:From |[A-Za-z][A-Za-z0-9-]{1,40}:[ \t])")
MAIL_OCTETS = 64 << 20


def is_office_text(name: str) -> bool:
    """Whether a zip's member of that name is the text of an office document."""
    return _PARTS.fullmatch(name) is not None


def without_markup(text: bytes) -> bytes:
    """The text of a member, a line for each paragraph and cell."""
    return _TAG.sub(b"", _ENDS.sub(b"\n", text))


def is_mail(head: bytes) -> bool:
    """Whether a file begins as a mail with encoded parts does (8 KiB are enough to see it)."""
    return _HEADER.match(head) is not None and _MAIL.search(head) is not None


def mail_parts(octets: bytes) -> Iterator[tuple[str, bytes]]:
    """(label, decoded octets) of each part that is no container."""
    message = email.message_from_bytes(octets, policy=email.policy.compat32)
    for n, part in enumerate(message.walk()):
        payload = None if part.is_multipart() else part.get_payload(decode=True)
        if isinstance(payload, bytes) and payload:
            yield f"part{n}", payload
