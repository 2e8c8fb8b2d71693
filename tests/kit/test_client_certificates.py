"""The Client-Cert header: believed in one place only, in one form only."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tls_kit import Authority

from paywarden.core.errors import InvalidRequest, NotAuthenticated
from paywarden.core.instants import DAY_US
from paywarden.kit.clock import SystemClock
from paywarden.kit.tls.client_certificates import ClientCertificates

BEHIND, OPEN = ClientCertificates(believed=True), ClientCertificates(believed=False)
NOW = SystemClock().now_us()


@pytest.fixture(scope="module")
def der(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return Authority(tmp_path_factory.mktemp("clients")).issue("client").der


def sent(der: bytes) -> bytes:
    return b":" + base64.b64encode(der) + b":"


def test_the_thumbprint_of_the_header(der: bytes) -> None:
    headers = [(b"host", b"a"), (b"client-cert", sent(der))]
    assert BEHIND.thumbprint(headers, NOW) == hashlib.sha256(der).hexdigest()
    assert BEHIND.thumbprint([(b"host", b"a")], NOW) is None
    assert OPEN.thumbprint([(b"host", b"a")], NOW) is None


@pytest.mark.parametrize(
    "name",
    [
        b"client-cert", b"client_cert", b"client-cert-chain", b"client.cert", b"clientcert",
        b"x-client-cert", b"x-ssl-client-cert", b"x-client-verify", b"x-forwarded-client-cert",
    ],
)  # fmt: skip
def test_over_tcp_every_spelling_is_refused(der: bytes, name: bytes) -> None:
    with pytest.raises(InvalidRequest) as refused:
        OPEN.thumbprint([(name, sent(der))], NOW)
    assert refused.value.code == "client_certificate_unexpected"


@pytest.mark.parametrize(
    "name", [b"client_cert", b"client-cert-chain", b"x-ssl-client-cert", b"client.cert"]
)
def test_look_alikes_beside_the_header_are_refused(der: bytes, name: bytes) -> None:
    headers = [(b"client-cert", sent(der)), (name, b"x")]
    with pytest.raises(InvalidRequest) as refused:
        BEHIND.thumbprint(headers, NOW)
    assert refused.value.code == "client_certificate_unexpected"


def test_a_repeated_header_is_refused(der: bytes) -> None:
    with pytest.raises(InvalidRequest) as refused:
        BEHIND.thumbprint([(b"client-cert", sent(der))] * 2, NOW)
    assert refused.value.code == "client_certificate_malformed"


def test_malformed_values_are_refused(der: bytes) -> None:
    good = sent(der)
    for value in (
        b"", b"::", b":a", good[1:], good[:-1], good + b", " + good, good + b";a=1", b" " + good,
        good[:20] + b":", b":" + base64.b64encode(der + b"x") + b":", b":" + b"A" * 20_000 + b":",
        good.replace(b"+", b"-") if b"+" in good else b":-_:", b'"' + good + b'"',
    ):  # fmt: skip
        with pytest.raises(InvalidRequest) as refused:
            BEHIND.thumbprint([(b"client-cert", value)], NOW)
        assert refused.value.code == "client_certificate_malformed", value[:40]


def test_a_certificate_out_of_its_time_is_refused(der: bytes) -> None:
    for now in (NOW - 3 * DAY_US, NOW + 90 * DAY_US):
        with pytest.raises(NotAuthenticated) as refused:
            BEHIND.thumbprint([(b"client-cert", sent(der))], now)
        assert refused.value.code == "client_certificate_ended"


@given(st.binary(max_size=200))
def test_no_bytes_cause_a_fault(value: bytes) -> None:
    for text in (value, b":" + base64.b64encode(value) + b":"):
        with pytest.raises(InvalidRequest):
            BEHIND.thumbprint([(b"client-cert", text)], NOW)
