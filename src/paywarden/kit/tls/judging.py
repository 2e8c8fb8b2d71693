"""Judging what was seen of a TLS endpoint.

Guards: TLS 1.2 or 1.3 only, forward secrecy and authenticated encryption only, a believed chain for
the right name, keys and hashes of today, a certificate that neither has ended nor lives for years.
Source: RFC 9325 (BCP 195), PCI DSS 4.0.1 requirements 4.2.1 and 2.2.7, NIST SP 800-52 rev. 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from paywarden.core.instants import DAY_US
from paywarden.kit.tls.model import LeafCertificate, Severity, TlsFinding, TlsObserved

MODERN: Final = frozenset({"TLSv1.2", "TLSv1.3"})
RENEW_DAYS: Final = 21
LONGEST_DAYS: Final = 398
LEAST_BITS: Final = {"RSA": 2_048, "EC": 256, "Ed25519": 256, "Ed448": 448}
WEAK_HASHES: Final = frozenset({"md5", "sha1"})


def judge(seen: TlsObserved, now_us: int) -> list[TlsFinding]:
    """Findings, the worst first; none of severity `fault` means that the endpoint passes."""
    found = [*_protocol(seen), *_trust(seen)]
    if seen.leaf is not None:
        found += _certificate(seen.leaf, now_us)
    order = list(Severity)
    return sorted(found, key=lambda one: (order.index(one.severity), one.code))


def _protocol(seen: TlsObserved) -> Iterator[TlsFinding]:
    old = [version for version in seen.versions if version not in MODERN]
    if not seen.versions:
        yield _fault("no_tls", "no TLS version was agreed on; is this a TLS port?")
        return
    if old:
        text = f"{', '.join(old)} accepted; allow TLS 1.2 and 1.3 only"
        yield _fault("old_version", text)
    if "TLSv1.3" not in seen.versions:
        yield _warning("no_tls13", "TLS 1.3 is not offered; switch it on")
    for name in seen.weak:
        yield _fault("weak_cipher", f"{name} accepted; allow ECDHE with AES-GCM or ChaCha20 only")
    if seen.untried:
        text = f"this machine could not offer {', '.join(seen.untried)}, so they were not tried"
        yield TlsFinding("untried", Severity.NOTE, text)
    if seen.cipher is not None:
        yield TlsFinding("agreed", Severity.NOTE, f"agreed on {seen.cipher}")


def _trust(seen: TlsObserved) -> Iterator[TlsFinding]:
    if seen.trust_fault is not None and seen.versions:
        yield _fault("not_trusted", f"the certificate is not believed: {seen.trust_fault}")


def _certificate(leaf: LeafCertificate, now_us: int) -> Iterator[TlsFinding]:
    left = (leaf.not_after_us - now_us) // DAY_US
    if now_us >= leaf.not_after_us:
        yield _fault("certificate_ended", "the certificate has ended; renew it")
    elif left < RENEW_DAYS:
        yield _warning("certificate_ends_soon", f"the certificate ends in {left} days; renew it")
    if now_us < leaf.not_before_us:
        yield _fault("certificate_not_yet_valid", "the certificate is not valid yet; see the clock")
    days = (leaf.not_after_us - leaf.not_before_us) // DAY_US
    if days > LONGEST_DAYS:
        yield _warning("certificate_long_lived", f"valid for {days} days; {LONGEST_DAYS} at most")
    if leaf.key_bits < LEAST_BITS.get(leaf.key_kind, 2**31):
        yield _fault("key_weak", f"the key is {leaf.key_kind} with {leaf.key_bits} bits")
    if leaf.signature_hash in WEAK_HASHES:
        yield _fault("signature_weak", f"the certificate is signed with {leaf.signature_hash}")
    if not leaf.names:
        yield _fault("no_names", "the certificate has no subjectAltName")


def _fault(code: str, text: str) -> TlsFinding:
    return TlsFinding(code, Severity.FAULT, text)


def _warning(code: str, text: str) -> TlsFinding:
    return TlsFinding(code, Severity.WARNING, text)
