"""Canonical forms: equal things meet, strange things are None, nothing raises."""

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paywarden.reference import canonical as c

# Neighbours on the machine must not fail a test, and two runs must try the same examples.
CALM = settings(deadline=None, derandomize=True)

ANYTHING = st.one_of(
    st.text(max_size=80),
    st.none(),
    st.integers(),
    st.floats(),
    st.binary(max_size=8),
    st.booleans(),
    st.text("@.+aA0 \u200bßİ。-", max_size=20),
)
ONE_ARGUMENT = [
    c.canonical_email,
    c.canonical_domain,
    c.canonical_phone,
    c.canonical_ip,
    c.canonical_bin,
    c.canonical_account,
    c.canonical_country,
    c.canonical_words,
    c.canonical_text,
    c.parse_ip,
]


@pytest.mark.parametrize("form", ONE_ARGUMENT)
@CALM
@given(value=ANYTHING)
def test_forms_are_total_and_bounded(form, value) -> None:
    found = form(value)
    assert found is None or len(str(found)) <= 400


@pytest.mark.parametrize(
    "form", [f for f in ONE_ARGUMENT if f not in (c.canonical_ip, c.canonical_email, c.parse_ip)]
)
@CALM
@given(value=ANYTHING)
def test_a_canonical_form_is_its_own(form, value) -> None:
    found = form(value)
    assert found is None or form(found) == found


@CALM
@given(
    st.one_of(
        st.emails(),
        st.text("aB.+@ßİ\u200b１ü", max_size=20),
        st.builds(
            "{}@{}".format, st.text("aB.+ßİＡü", min_size=1, max_size=9), st.just("Gmail.com")
        ),
    )
)
def test_an_email_is_its_own_form(text: str) -> None:
    found = c.canonical_email(text)
    assert found is None or c.canonical_email(found.text) == found


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Ann@Example.ORG", "ann@example.org"),
        ("  ann@example.org\n", "ann@example.org"),
        ("ann+news@example.org", "ann@example.org"),
        ("+news@example.org", "+news@example.org"),
        ("a.n.n@gmail.com", "ann@gmail.com"),
        ("A.N.N+x@googlemail.com", "ann@gmail.com"),
        ("a.n.n@example.org", "a.n.n@example.org"),
        ("ann@example.org.", "ann@example.org"),
        ("ann@münchen.example", "ann@xn--mnchen-3ya.example"),
        ("ann@MÜNCHEN.example", "ann@xn--mnchen-3ya.example"),
        ("ａｎｎ@example.org", "ann@example.org"),
        ("an\u200bn@example.org", "ann@example.org"),
        ("ann@例え。jp", "ann@xn--r8jz45g.jp"),
        ("jörg@example.org", "jörg@example.org"),
    ],
)
def test_email(text: str, form: str) -> None:
    found = c.canonical_email(text)
    assert found is not None
    assert found.text == form
    assert found.domain == form.rpartition("@")[2]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "ann",
        "ann@",
        "@example.org",
        "a b@example.org",
        "a@b@example.org",
        "ann@exa mple.org",
        "ann@-x.org",
        "ann@x..org",
        "ann@" + "a" * 64 + ".org",
        "a" * 300 + "@example.org",
        "ann@[1.2.3.4]",
        "a\x00b@example.org",
        "ann@" + ".".join(["ab"] * 100),
        "ü" * 2000,
        None,
        5,
        b"ann@example.org",
    ],
)
def test_no_email(text: object) -> None:
    assert c.canonical_email(text) is None


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("+49 30 123-4567", "+49301234567"),
        ("0049 30 1234567", "+49301234567"),
        ("+49 (0)30 1234567", "+49301234567"),
        ("tel:+1-202-555-0100", "+12025550100"),
        ("+1 (202) 555.0100 ext. 5", "+12025550100"),
        ("+1 202 555 0100x55", "+12025550100"),
        ("＋４９３０１２３４５６７", "+49301234567"),
        ("+٤٩٣٠١٢٣٤٥٦٧", "+49301234567"),
        ("030 1234567", None),
        ("+0301234567", None),
        ("+123", None),
        ("+1234567890123456", None),
        ("+49 30 FLOWERS", None),
        ("", None),
        ("++49301234567", None),
    ],
)
def test_phone(text: str, form: str | None) -> None:
    assert c.canonical_phone(text) == form


@pytest.mark.parametrize(
    ("text", "form", "prefix"),
    [
        ("203.0.113.9", "203.0.113.9", "203.0.113.0/24"),
        (" 1.2.3.4 ", "1.2.3.4", "1.2.3.0/24"),
        ("::ffff:1.2.3.4", "1.2.3.4", "1.2.3.0/24"),
        ("2001:DB8:0::1", "2001:db8::1", "2001:db8::/64"),
        ("[2001:db8:1:2:3:4:5:6]", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::1", "fe80::/64"),
        ("::1", "::1", "::/64"),
    ],
)
def test_ip(text: str, form: str, prefix: str) -> None:
    found = c.canonical_ip(text)
    assert found is not None
    assert (found.text, found.prefix) == (form, prefix)


@pytest.mark.parametrize(
    "text",
    [
        "1.2.3",
        "1.2.3.256",
        "01.2.3.4",
        "1.2.3.4.5",
        "1.2.3.4:80",
        "1.2.3.4/24",
        "::g",
        "1:2:3",
        "٠.٠.٠.٠",
        "1.2.3.-4",
        "1.2.3.+4",
        "1_0.2.3.4",
        ":::",
        "\x00::1",
        "\ud800::1",
        "9" * 500,
        16909060,
    ],
)
def test_no_ip(text: object) -> None:
    assert c.canonical_ip(text) is None


@CALM
@given(st.ip_addresses())
def test_ip_agrees_with_the_standard_library(address) -> None:
    found = c.canonical_ip(str(address))
    assert found is not None
    mapped = getattr(address, "ipv4_mapped", None)
    expected = mapped or address
    assert (found.version, found.value) == (expected.version, int(expected))
    length = 24 if expected.version == 4 else 64
    network = ipaddress.ip_network(
        (int(expected), length) if expected.version == 6 else f"{expected}/24", strict=False
    )
    assert found.prefix == str(network)


@CALM
@given(st.text("0123456789.:abcdef", max_size=20))
def test_ip_accepts_what_the_standard_library_accepts(text: str) -> None:
    try:
        ipaddress.ip_address(text)
        good = True
    except ValueError:
        good = False
    assert (c.parse_ip(text) is not None) is good


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("411111", "411111"),
        ("4111 1122", "41111122"),
        ("411111XXXXXX", "411111"),
        ("41111", None),
        ("411111222", None),
        ("4111111111111111", None),
        ("４１１１１１", "411111"),
        ("411111**", "411111"),
        ("", None),
    ],
)
def test_bin(text: str, form: str | None) -> None:
    assert c.canonical_bin(text) == form


def test_address_key() -> None:
    key = c.canonical_address("de", "10 115", "Straße  des 17. Juni", "12a")
    assert key == "DE|10115|strasse des 17 juni 12a"
    assert c.canonical_address("DE", "10115", "STRASSE DES 17 JUNI", "12A") == key
    assert c.canonical_address("FR", None, "Rue de l'Église") == "FR||rue de l eglise"
    assert c.canonical_address("DE", "", "") is None
    assert c.canonical_address("Germany", "10115") is None
    assert c.canonical_address(None, "10115") is None
    assert len(c.canonical_address("DE", "1" * 900, "x" * 900, "y" * 900) or "") <= 200


def test_account() -> None:
    assert c.canonical_account("de89 3704 0044 0532 0130 00") == "DE89370400440532013000"
    assert c.canonical_account("   ") is None
    assert c.canonical_account("a\x00b") is None
    assert c.canonical_account("1" * 65) is None
