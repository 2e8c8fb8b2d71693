"""Operator tables: look-ups equal a slow search, hostile files are refused by file and line."""

import gzip
import ipaddress
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paywarden.core.errors import InvalidRequest, PaywardenError, TooLarge, Unparsable
from paywarden.reference import reading
from paywarden.reference.bins import BinFacts, load_bins
from paywarden.reference.canonical import parse_ip
from paywarden.reference.email_domains import load_domains
from paywarden.reference.ip_ranges import IpFacts, load_ip_facts, load_ip_set, parse_network
from paywarden.reference.ranges import Ranges
from paywarden.reference.reading import TableFile

# Neighbours on the machine must not fail a test, and two runs must try the same examples.
CALM = settings(deadline=None, derandomize=True)

SPANS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 5)).map(
        lambda s: (min(s[:2]), max(s[:2]), s[2])
    ),
    max_size=12,
)


def slow_find(spans: list[tuple[int, int, int]], value: int) -> int:
    best = min(
        ((high - low, -n, row) for n, (low, high, row) in enumerate(spans) if low <= value <= high),
        default=(0, 0, -1),
    )
    return best[2]


@CALM
@given(SPANS)
def test_ranges_equal_the_slow_search(spans) -> None:
    ranges = Ranges.build(spans)
    answers = [ranges.find(value) for value in range(64)]
    assert answers == [slow_find(spans, value) for value in range(64)]
    assert ranges.find_many(np.arange(64)).tolist() == answers
    assert set(ranges.find_all(10, 30)) == set(answers[10:31])


def test_ranges_refuse_nonsense() -> None:
    for span in ((5, 4, 0), (-1, 4, 0)):
        with pytest.raises(ValueError, match="low"):
            Ranges.build([span])


def write(tmp_path: Path, text: str | bytes, name: str = "table.csv") -> TableFile:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return TableFile(path)


BINS = """# source: our acquirer
# licence: contract
# as_of: 2026-11-01
iin_start,iin_end,brand,type,prepaid,country,issuer
400000,499999,Visa,,,,
411111,,visa,credit,no,US,"Bank, One"
41111105,41111107,visa,prepaid,,GB,Bank Two
510000,510009,MASTERCARD,debit,y,de,Drei
"""


def test_bins(tmp_path: Path) -> None:
    table = load_bins(write(tmp_path, BINS))
    assert table.find("411111") == BinFacts("visa", None, None, None, None)
    assert table.find("41111104") == BinFacts("visa", "credit", False, "US", "Bank, One")
    assert table.find("41111106") == BinFacts("visa", "prepaid", True, "GB", "Bank Two")
    assert table.find("450000") == BinFacts("visa", None, None, None, None)
    assert table.find("510009") == BinFacts("mastercard", "debit", True, "DE", "Drei")
    assert table.find("51000999") == table.find("510009")
    assert table.find("510010") is None and table.find("999999") is None
    origin = table.provenance
    assert (origin.source, origin.licence) == ("our acquirer", "contract")
    assert origin.as_of == date(2026, 11, 1)
    assert (origin.rows, origin.max_age_days) == (4, 90)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("41111,411111,visa,,,,", "bin_bad_range"),
        ("411112,411111,visa,,,,", "bin_bad_range"),
        ("4111x1,,visa,,,,", "bin_bad_range"),
        ("٤١١١١١,,visa,,,,", "bin_bad_range"),
        ("4111111111111111,,visa,,,,", "bin_bad_range"),
        (",,visa,,,,", "bin_bad_range"),
        ("411111,,visa,loan,,,", "bin_bad_cell"),
        ("411111,,visa,,maybe,,", "bin_bad_cell"),
        ("411111,,visa,,,Germany,", "bin_bad_cell"),
        ("411111,,vi\x00sa,,,,", "bin_bad_cell"),
        ("411111,,visa,,,," + "x" * 200, "bin_bad_cell"),
        ("411111,,visa", "table_row_width"),
        ('411111,,"visa,,,,', "table_bad_csv"),
        ('411111,,"vi"sa,,,,', "table_bad_csv"),
        ("411111,,visa,,,," + "x" * 9000, "table_line_too_long"),
    ],
)
def test_bad_bin_lines_are_named(tmp_path: Path, line: str, code: str) -> None:
    file = write(tmp_path, BINS + line + "\n")
    with pytest.raises(InvalidRequest) as caught:
        load_bins(file)
    assert caught.value.code == code
    assert caught.value.pointer == f"{file.path}:9"
    assert "visa" not in caught.value.detail


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("brand\nvisa\n", "table_column_missing"),
        ("", "table_column_missing"),
        ("iin_start,iin_start\n411111,411111\n", "table_column_repeated"),
        (b"iin_start\n4111\xff1\n", "table_not_utf8"),
        (b"\x1f\x8b\x08\x00broken", "table_not_gzip"),
        ("# as_of: yesterday\niin_start\n411111\n", "table_bad_as_of"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, text: str | bytes, code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        load_bins(write(tmp_path, text))
    assert caught.value.code == code


def test_missing_file_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(InvalidRequest, match="table_unreadable"):
            load_bins(TableFile(path))


def test_gzip_bomb_is_bounded(tmp_path: Path) -> None:
    path = write(tmp_path, gzip.compress(b"0" * 2_000_000)).path
    with pytest.raises(TooLarge, match="table_too_large"):
        reading.read_text(path, max_bytes=100_000)
    with pytest.raises(TooLarge, match="table_too_large"):
        reading.read_text(path, max_bytes=10)


def test_row_limit(tmp_path: Path) -> None:
    table = reading.read_text(write(tmp_path, "a\n" * 11).path)
    with pytest.raises(TooLarge) as caught:
        list(reading.numbered_lines(table, max_rows=10))
    assert caught.value.pointer is not None and caught.value.pointer.endswith(":11")
    with pytest.raises(TooLarge, match="table_too_many_rows"):
        list(reading.csv_rows(table, max_rows=10))


def test_truncated_gzip(tmp_path: Path) -> None:
    with pytest.raises(Unparsable, match="table_not_gzip"):
        load_bins(write(tmp_path, gzip.compress(BINS.encode())[:-12]))


@CALM
@given(st.binary(max_size=200))
def test_any_octets_give_a_table_or_our_error(raw: bytes) -> None:
    try:
        table = reading.parse_text(raw, "x")
        list(reading.csv_rows(table))
        list(reading.numbered_lines(table))
    except PaywardenError as error:
        assert error.pointer is not None and error.pointer.startswith("x")


def test_ip_set(tmp_path: Path) -> None:
    text = "# lists\n10.0.0.0/8\n1.2.3.4 # one\n\n5.5.5.1-5.5.5.3\n2001:db8::/32\n::ffff:9.9.9.9\n"
    table = load_ip_set(write(tmp_path, text), "vpn")
    inside = ["10.0.0.0", "10.255.255.255", "1.2.3.4", "5.5.5.3", "2001:db8:ffff::1", "9.9.9.9"]
    outside = ["9.255.255.255", "11.0.0.0", "1.2.3.5", "5.5.5.4", "2001:db9::", "::909:909"]
    for address in inside + outside:
        parsed = parse_ip(address)
        assert parsed is not None
        assert table.holds(*parsed) is (address in inside)
    assert table.provenance.rows == 5


@pytest.mark.parametrize(
    "line",
    [
        "10.0.0.1/8",
        "1.2.3",
        "1.2.3.4/33",
        "1.2.3.4/-1",
        "5.5.5.3-5.5.5.1",
        "1.1.1.1-::1",
        "::1/129",
        "2001:db8::1/32",
        "01.2.3.4",
        "1.2.3.0/24-1.2.4.0/24",
        "a-b",
        "-",
        "fe80::1%eth0",
        "1.2.3.4/٣",
    ],
)
def test_bad_networks_are_named(tmp_path: Path, line: str) -> None:
    file = write(tmp_path, "1.1.1.1\n" + line + "\n")
    with pytest.raises(InvalidRequest) as caught:
        load_ip_set(file, "vpn")
    assert caught.value.code == "ip_bad_network"
    assert caught.value.pointer == f"{file.path}:2"


@CALM
@given(st.ip_addresses(network="::/0") | st.ip_addresses(v=4), st.integers(0, 128))
def test_networks_agree_with_the_standard_library(address, length: int) -> None:
    network = ipaddress.ip_network(
        f"{address}/{length % (address.max_prefixlen + 1)}", strict=False
    )
    found = parse_network(str(network))
    assert found is not None
    low, high = int(network.network_address), int(network.broadcast_address)
    assert found in ((network.version, low, high), (4, low & 0xFFFFFFFF, high & 0xFFFFFFFF))
    assert network.version == found[0] or low >> 32 == 0xFFFF


FACTS = IpFacts("DE", 3320)


@pytest.mark.parametrize(
    "text",
    [
        "network,country,asn\n1.0.0.0/24,DE,AS3320\n2001:db8::/32,DE,3320\n",
        "start,end,country,asn,name\n1.0.0.0,1.0.0.255,de,3320,T\n2001:db8::,2001:db8:f::,DE,3320,T\n",
    ],
)
def test_ip_facts(tmp_path: Path, text: str) -> None:
    table = load_ip_facts(write(tmp_path, text), "ip")
    assert table.find(4, 0x01000080) == FACTS
    assert table.find(6, 0x20010DB8 << 96) == FACTS
    assert table.find(4, 0x01000100) is None


def test_ip_facts_without_header(tmp_path: Path) -> None:
    countries = load_ip_facts(write(tmp_path, "1.0.0.0,1.0.0.255,AU\n1.0.1.0,1.0.1.255,ZZ\n"), "c")
    owners = load_ip_facts(write(tmp_path, '1.0.0.0,1.0.0.255,13335,"Cloud, Inc"\n'), "a")
    assert countries.find(4, 1 << 24) == IpFacts("AU", None)
    assert countries.find(4, (1 << 24) + 256) == IpFacts(None, None)
    assert owners.find(4, 1 << 24) == IpFacts(None, 13335)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("network,country\n1.0.0.0/24,Germany\n", "ip_bad_cell"),
        ("network,asn\n1.0.0.0/24,4294967296\n", "ip_bad_cell"),
        ("network,asn\n1.0.0.0/24,-1\n", "ip_bad_cell"),
        ("network,country\n1.0.0.0/33,DE\n", "ip_bad_network"),
        ("network,country\n1.0.0.0/24\n", "table_row_width"),
        ("network,colour\n1.0.0.0/24,red\n", "table_column_unknown"),
        ("country\nDE\n", "table_column_missing"),
        ("1.0.0.0,1.0.0.255\n", "ip_bad_cell"),
        ("1.0.0.0,1.0.0.255,Germany\n", "ip_bad_cell"),
    ],
)
def test_bad_ip_facts(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        load_ip_facts(write(tmp_path, text), "ip")
    assert caught.value.code == code
    assert caught.value.pointer is not None and caught.value.pointer[-2:] in (":1", ":2")


def test_domains(tmp_path: Path) -> None:
    domains = load_domains(write(tmp_path, "Example.ORG\nmünchen.example\n"), "disposable")
    assert "a.example.org" in domains and "xn--mnchen-3ya.example" in domains
    assert domains.provenance.max_age_days == 30 and len(domains) == 2
    for bad in ("com\n", "no domain\n", "a@b.example\n"):
        with pytest.raises(InvalidRequest, match="table_bad_domain"):
            load_domains(write(tmp_path, bad), "disposable")


def test_published_bin_list(data_folder: Path) -> None:
    table = load_bins(
        TableFile(data_folder / "lists" / "binlist_ranges_2017.csv.gz", as_of=date(2017, 1, 1))
    )
    facts = table.find("45717360")
    assert facts is not None and (facts.brand, facts.country) == ("visa", "DK")
    assert table.provenance.rows == 5805
    assert table.provenance.alarm(1_795_000_000_000_000) is not None


@pytest.mark.parametrize("name", ["datacenter", "vpn"])
def test_published_network_lists(data_folder: Path, name: str) -> None:
    path = data_folder / "lists" / f"{name}_ipv4_2026-08.txt.gz"
    table = load_ip_set(TableFile(path, as_of=date(2026, 8, 1)), name)
    lines = gzip.decompress(path.read_bytes()).decode().split()
    networks = [ipaddress.ip_network(line) for line in lines]
    for network in networks[:: len(networks) // 500]:
        assert table.holds(4, int(network.network_address))
        assert table.holds(4, int(network.broadcast_address))
    starts = np.array([int(n.network_address) for n in networks])
    ends = np.array([int(n.broadcast_address) for n in networks])
    for value in np.random.default_rng(7).integers(0, 2**32, 300).tolist():
        assert table.holds(4, value) is bool(np.any((starts <= value) & (value <= ends)))
