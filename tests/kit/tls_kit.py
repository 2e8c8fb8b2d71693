"""Certificates and servers for TLS tests: an authority of the test's own and what it signs."""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Made:
    """A certificate with its key as PEM files."""

    certificate: Path
    key: Path
    der: bytes


class Authority:
    """Signs certificates; `pem` is what others trust."""

    def __init__(self, folder: Path, name: str = "Test Authority") -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        self._own = (
            self._builder(self._name, self._key.public_key(), now - DAY, now + 365 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(ca=True), critical=True)
            .sign(self._key, SHA256())
        )
        self.pem = folder / "authority.pem"
        self.pem.write_bytes(self._own.public_bytes(Encoding.PEM))

    def issue(
        self, name: str, *, days: int = 90, since: int = 1, key: Any = None, hashed: Any = None
    ) -> Made:
        """A leaf certificate for `name`, valid from `since` days ago for `days` days."""
        held = key or ec.generate_private_key(ec.SECP256R1())
        start = datetime.datetime.now(datetime.UTC) - since * DAY
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        made = (
            self._builder(subject, held.public_key(), start, start + days * DAY)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(ca=False), critical=True)
            .sign(self._key, hashed or SHA256())
        )
        place = self.folder / name
        certificate, secret = place.with_suffix(".pem"), place.with_suffix(".key")
        certificate.write_bytes(made.public_bytes(Encoding.PEM) + self.pem.read_bytes())
        secret.touch(mode=0o600)
        secret.write_bytes(held.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return Made(certificate, secret, made.public_bytes(Encoding.DER))

    def _builder(self, subject: Any, key: Any, start: Any, end: Any) -> Any:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=ca, crl_sign=ca,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


@contextmanager
def tls_server(made: Made, **wanted: Any) -> Iterator[int]:
    """A server that does handshakes and nothing else; its port. `wanted`: context attributes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ciphers = wanted.pop("ciphers", None)
    if ciphers is not None:
        context.set_ciphers(ciphers)
    for name, value in wanted.items():
        setattr(context, name, value)
    context.load_cert_chain(made.certificate, made.key)
    listener = socket.create_server(("127.0.0.1", 0))
    ending = threading.Event()

    def serve() -> None:
        while not ending.is_set():
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            try:
                plain.settimeout(5)
                with context.wrap_socket(plain, server_side=True) as held:
                    held.recv(1)
            except OSError:
                plain.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        ending.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
