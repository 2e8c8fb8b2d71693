"""Looking at a TLS endpoint from outside: one short handshake for each question.

Guards: nothing is sent but handshakes; at most a dozen connections, each within a time limit. Old
versions and weak suites can be offered only as far as this machine's OpenSSL still has them; what
could not be offered is said. Not done here: judgement (`judging.py`).
"""

from __future__ import annotations

import socket
import ssl
import warnings
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from paywarden.core.errors import Unavailable
from paywarden.core.instants import from_datetime
from paywarden.kit.tls.model import LeafCertificate, TlsObserved

HANDSHAKE_SECONDS: Final = 5.0
VERSIONS: Final = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}
WEAK_SUITES: Final = {
    "no encryption": "eNULL",
    "no authentication": "aNULL",
    "RC4": "RC4",
    "3DES": "3DES",
    "CBC with SHA-1": "ECDHE+AES+SHA1:!AESGCM",
    "key exchange without forward secrecy": "kRSA",
    "finite-field Diffie-Hellman": "kDHE",
}


def observe(host: str, port: int, name: str, authority: str | None) -> TlsObserved:
    """What `host`:`port` does when asked for `name`; `authority` is a PEM file to trust instead.

    Errors: Unavailable `endpoint_unreachable`.
    """
    _reach(host, port)
    versions, untried = [], []
    for text, version in VERSIONS.items():
        agreed = _agrees(host, port, name, version, version, "ALL:COMPLEMENTOFALL")
        if agreed is None:
            untried.append(text)
        elif agreed:
            versions.append(text)
    weak = []
    for text, suites in WEAK_SUITES.items():
        last = ssl.TLSVersion.TLSv1_2
        agreed = _agrees(host, port, name, ssl.TLSVersion.TLSv1, last, suites)
        if agreed is None:
            untried.append(text)
        elif agreed:
            weak.append(text)
    cipher, leaf = _look(host, port, name)
    fault = _trust_fault(host, port, name, authority)
    return TlsObserved(tuple(versions), tuple(weak), tuple(untried), cipher, fault, leaf)


def _reach(host: str, port: int) -> None:
    try:
        socket.create_connection((host, port), HANDSHAKE_SECONDS).close()
    except OSError as fault:
        raise Unavailable(
            "endpoint_unreachable", f"nothing answers there ({type(fault).__name__})"
        ) from None


def _handshake(host: str, port: int, name: str, context: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection((host, port), HANDSHAKE_SECONDS)
    try:
        return context.wrap_socket(plain, server_hostname=name)
    except BaseException:
        plain.close()
        raise


def _agrees(
    host: str, port: int, name: str, first: ssl.TLSVersion, last: ssl.TLSVersion, suites: str
) -> bool | None:
    """Whether a handshake within these bounds succeeds; None when we cannot offer them."""
    context = _unbelieving()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.set_ciphers(suites + ":@SECLEVEL=0")
            context.minimum_version, context.maximum_version = first, last
    except (ssl.SSLError, ValueError):
        return None
    try:
        _handshake(host, port, name, context).close()
    except ssl.SSLError as fault:
        return None if "NO_CIPHERS_AVAILABLE" in str(fault) else False
    except OSError:
        return False
    return True


def _unbelieving() -> ssl.SSLContext:
    """A context that looks without believing; nothing is ever sent over its connections."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _look(host: str, port: int, name: str) -> tuple[str | None, LeafCertificate | None]:
    try:
        with _handshake(host, port, name, _unbelieving()) as held:
            agreed, octets = held.cipher(), held.getpeercert(binary_form=True)
    except OSError:
        return None, None
    return (
        f"{agreed[1]} {agreed[0]}" if agreed else None,
        _leaf(octets) if octets is not None else None,
    )


def _trust_fault(host: str, port: int, name: str, authority: str | None) -> str | None:
    context = ssl.create_default_context(cafile=authority)
    try:
        _handshake(host, port, name, context).close()
    except ssl.SSLCertVerificationError as fault:
        return fault.verify_message
    except OSError as fault:
        return type(fault).__name__
    return None


def _leaf(octets: bytes) -> LeafCertificate:
    made = x509.load_der_x509_certificate(octets)
    kind, bits = _key_of(made)
    hashed = made.signature_hash_algorithm
    try:
        given = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [str(one.value) for one in given]
    except x509.ExtensionNotFound:
        names = []
    return LeafCertificate(
        made.subject.rfc4514_string(),
        made.issuer.rfc4514_string(),
        from_datetime(made.not_valid_before_utc),
        from_datetime(made.not_valid_after_utc),
        kind,
        bits,
        hashed.name if hashed is not None else "none",
        tuple(names),
        made.fingerprint(SHA256()).hex(),
    )


def _key_of(made: x509.Certificate) -> tuple[str, int]:
    key = made.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return "RSA", key.key_size
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "EC", key.key_size
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "Ed25519", 256
    if isinstance(key, ed448.Ed448PublicKey):
        return "Ed448", 448
    return type(key).__name__, 0
