"""The guard against forged destinations: spellings of addresses, names, opened networks."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paywarden.core.errors import InvalidRequest
from paywarden.kit.webhooks.addresses import Allowed, check_url, refused_addresses

NONE = Allowed()
FORBIDDEN = [
    "127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "0.0.0.0", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1",
    "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "2002:a00:1::1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2001:0:7f00:1::", "::7f00:1",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::1"]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert not NONE.permits(address)
    assert refused_addresses([address], NONE)
    assert refused_addresses(["8.8.8.8", address], NONE)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_permitted(address: str) -> None:
    assert NONE.permits(address)
    assert not refused_addresses([address], NONE)


def test_a_name_without_addresses_is_refused() -> None:
    assert refused_addresses([], NONE)


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_is_judged_alike(inner: ipaddress.IPv4Address) -> None:
    number = int(inner)
    mapped = ipaddress.IPv6Address((0xFFFF << 32) | number)
    translated = ipaddress.IPv6Address((0x64FF9B << 96) | number)
    assert NONE.permits(str(mapped)) == NONE.permits(str(inner))
    assert NONE.permits(str(translated)) == NONE.permits(str(inner))
    if not NONE.permits(str(inner)):
        assert not NONE.permits(str(ipaddress.IPv6Address((0x2002 << 112) | (number << 80))))


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/", "ftp://a.example/", "https://", "https:///x", "https://user@a.example",
        "https://user:word@a.example", "https://a.example/#part", "https://a.example\\@b.example",
        "https://127.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://localhost/",
        "https://db.internal/", "https://printer.local/", "https://a.example:22/",
        "https://a.example:99999/", "https://a.example:x/", "https://bücher.example/",
        "https://a.example/ x", "https://a.example/\n", "x" * 2_001, "javascript:alert(1)",
        "//a.example", "",
    ],
)  # fmt: skip
def test_urls_that_cannot_be_right_are_refused(url: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check_url(url, NONE)
    assert refused.value.code == "webhook_url_refused"
    assert refused.value.pointer == "/url"


@pytest.mark.parametrize(
    "url",
    ["https://a.example", "https://a.example:8443/in?x=1", "https://8.8.8.8/", "https://a.b:443"],
)
def test_ordinary_urls_pass(url: str) -> None:
    check_url(url, NONE)


def test_opened_networks_are_permitted_and_nothing_else() -> None:
    house = Allowed(["10.20.0.0/16", "fd00::/8"])
    assert house.permits("10.20.3.4")
    assert house.permits("fd00::5")
    assert not house.permits("10.21.0.1")
    assert not house.permits("127.0.0.1")
    assert not house.permits("::ffff:10.20.3.4")
    check_url("http://10.20.3.4:8080/in", house)
