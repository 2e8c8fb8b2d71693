"""Every reader of a hostile header as one function of octets, and a coverage-guided fuzzer over it.

    python tests/properties/header_readers.py CORPUS_FOLDER [-max_total_time=240 ...]

The first octet chooses the reader. It passes when a reader gives a value or refuses with a code of
its own. Needs atheris (Python 3.11), which is in no requirements file: what it found worth keeping
stands in `header_corpus.txt`, base64 by line, and is read again by `test_header_corpus`. Last run:
28,008,128 inputs in 618 seconds, 25 November 2026, without a finding.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

LIMIT = 1_100


def readers() -> Sequence[Callable[[str], Any]]:
    from paywarden.identity.api_keys import parse_key
    from paywarden.identity.request_authenticator import token_of
    from paywarden.kit.http.limits.addresses import Origins
    from paywarden.kit.http.signing import parsing
    from paywarden.kit.tls.client_certificates import ClientCertificates

    proxied = Origins(["10.0.0.0/8", "unix"])
    certificates = ClientCertificates(believed=True)
    peer = {"client": ("10.0.0.1", 1)}
    return (
        parsing.read_input,
        lambda text: parsing.read_signature(text, "sig1"),
        lambda text: parsing.check_digest(text, b""),
        lambda text: parsing.check_headers(
            {"headers": [(b"signature", text.encode("latin-1"))]}, {"signature": text}
        ),
        lambda text: proxied.of(peer, text),
        lambda text: parse_key(text),
        lambda text: token_of(text),
        lambda text: certificates.thumbprint([(b"client-cert", text.encode("latin-1"))], 0),
    )


def one(octets: bytes, known: Sequence[Callable[[str], Any]]) -> None:
    """Read octets as the header that the first one chooses."""
    from paywarden.core.errors import PaywardenError

    if not octets:
        return
    read = known[octets[0] % len(known)]
    try:
        read(octets[1:LIMIT].decode("latin-1"))
    except PaywardenError as refusal:
        assert re.fullmatch(r"[a-z_]+", refusal.code), refusal.code


def main() -> None:
    import atheris

    with atheris.instrument_imports(include=["paywarden"]):
        known = readers()
    atheris.Setup(sys.argv, lambda octets: one(octets, known))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
