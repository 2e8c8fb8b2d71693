"""One attempt over real sockets: statuses, redirects, slow and broken receivers, rebinding, TLS."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from paywarden.kit.clock import SystemClock
from paywarden.kit.webhooks.addresses import Allowed
from paywarden.kit.webhooks.sending import Sender

LOOPBACK = Allowed(["127.0.0.0/8"])
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@asynccontextmanager
async def receiver(
    answer: bytes | Callable[[asyncio.StreamWriter], Awaitable[None]],
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that reads one request and gives `answer`; its port and the requests."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            seen.append(head + await reader.readexactly(length))
            if isinstance(answer, bytes):
                writer.write(answer)
                await writer.drain()
            else:
                await answer(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1], seen
    finally:
        server.close()
        await server.wait_closed()


async def test_a_post_with_our_headers_and_exact_body() -> None:
    async with receiver(OK) as (port, seen), Sender(SystemClock(), LOOPBACK) as sender:
        sent = await sender.send(
            f"http://127.0.0.1:{port}/in?x=1", {"webhook-id": "msg_a"}, b'{"a":"\xc3\xbc"}'
        )
    assert sent.succeeded
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /in?x=1 HTTP/1.1\r\n")
    assert b"webhook-id: msg_a" in head
    assert b"content-type: application/json" in head
    assert body == b'{"a":"\xc3\xbc"}'


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(status: int) -> None:
    async with receiver(OK) as (other, followed):
        where = f"http://127.0.0.1:{other}/"
        answer = f"HTTP/1.1 {status} X\r\nlocation: {where}\r\ncontent-length: 0\r\n\r\n".encode()
        async with receiver(answer) as (port, seen), Sender(SystemClock(), LOOPBACK) as sender:
            sent = await sender.send(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert (sent.status, sent.succeeded) == (status, False)
    assert len(seen) == 1
    assert followed == []


async def test_retry_after_is_read_in_seconds_only() -> None:
    for text, wanted in ((b"120", 120), (b"soon", None), (b"-5", None), (b"9" * 30, None)):
        answer = b"HTTP/1.1 503 X\r\nretry-after: " + text + b"\r\ncontent-length: 0\r\n\r\n"
        async with receiver(answer) as (port, _), Sender(SystemClock(), LOOPBACK) as sender:
            sent = await sender.send(f"http://127.0.0.1:{port}/", {}, b"{}")
        assert (sent.status, sent.retry_after_seconds) == (503, wanted)


async def test_a_receiver_that_never_answers_is_given_up() -> None:
    never = asyncio.Event()

    async def silent(_writer: asyncio.StreamWriter) -> None:
        await never.wait()

    async with (
        receiver(silent) as (port, _),
        Sender(SystemClock(), LOOPBACK, attempt_seconds=0.1) as sender,
    ):
        sent = await sender.send(f"http://127.0.0.1:{port}/", {}, b"{}")
        never.set()
    assert (sent.status, sent.fault) == (None, "timed_out")


async def test_a_receiver_that_drips_headers_for_ever_is_given_up() -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        for _ in range(1_000):
            writer.write(b"x: y\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with (
        receiver(drip) as (port, _),
        Sender(SystemClock(), LOOPBACK, attempt_seconds=0.2) as sender,
    ):
        sent = await sender.send(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert sent.status is None
    assert sent.fault in {"timed_out", "answer_malformed"}


async def test_an_endless_body_is_not_read() -> None:
    async def flood(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n")
        for _ in range(10_000):
            writer.write(b"x" * 65_536)
            await writer.drain()

    async with receiver(flood) as (port, _), Sender(SystemClock(), LOOPBACK) as sender:
        sent = await sender.send(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert sent.succeeded


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"])
async def test_broken_answers_are_faults_without_their_text(answer: bytes) -> None:
    async with receiver(answer) as (port, _), Sender(SystemClock(), LOOPBACK) as sender:
        sent = await sender.send(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert sent.status is None
    assert sent.fault in {"answer_malformed", "connection_failed"}


async def test_nobody_there() -> None:
    async with receiver(OK) as (port, _):
        pass
    async with Sender(SystemClock(), LOOPBACK) as sender:
        sent = await sender.send(f"http://127.0.0.1:{port}/", {}, b"{}")
    assert (sent.status, sent.fault) == (None, "connection_failed")


async def test_private_addresses_are_refused_whatever_they_are_spelled_like() -> None:
    async with receiver(OK) as (port, seen), Sender(SystemClock(), Allowed()) as sender:
        for host in ("127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"):
            sent = await sender.send(f"http://{host}:{port}/", {}, b"{}")
            assert sent.fault == "address_refused", host
    assert seen == []


async def test_a_name_that_resolves_otherwise_a_moment_later_changes_nothing() -> None:
    """DNS rebinding: the address that is connected to is the one that was checked."""
    answers = iter([["8.8.8.8", "127.0.0.1"], ["127.0.0.1"], []])

    async def rebinding(_host: str, _port: int) -> list[str]:
        return next(answers)

    async with (
        receiver(OK) as (port, seen),
        Sender(SystemClock(), Allowed(), resolve=rebinding) as sender,
    ):
        for _ in range(3):
            sent = await sender.send(f"http://a.example:{port}/", {}, b"{}")
            assert sent.fault == "address_refused"
    assert seen == []


async def test_one_look_up_an_attempt_and_the_checked_address_is_used() -> None:
    asked: list[tuple[str, int]] = []

    async def counting(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["127.0.0.1"]

    async with (
        receiver(OK) as (port, seen),
        Sender(SystemClock(), LOOPBACK, resolve=counting) as sender,
    ):
        sent = await sender.send(f"http://a.example:{port}/", {}, b"{}")
    assert sent.succeeded
    assert asked == [("a.example", port)]
    assert f"host: a.example:{port}".encode() in seen[0].lower()


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """(server's context, trusting context) of a self-signed certificate for `name`."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + made.public_bytes(Encoding.PEM)
    )
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(path)
    trusting = ssl.create_default_context(cadata=made.public_bytes(Encoding.PEM).decode())
    return serving, trusting


async def test_tls_proves_the_name_although_the_socket_goes_to_an_address(tmp_path: Path) -> None:
    serving, trusting = certificate(tmp_path, "a.example")

    async def local(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    async with receiver(OK, serving) as (port, seen):
        for host, trust, fault in (
            ("a.example", trusting, None),
            ("b.example", trusting, "tls_failed"),
            ("a.example", None, "tls_failed"),
        ):
            async with Sender(SystemClock(), LOOPBACK, resolve=local, trust=trust) as sender:
                sent = await sender.send(f"https://{host}:{port}/", {}, b"{}")
            assert sent.fault == fault
    assert len(seen) == 1
