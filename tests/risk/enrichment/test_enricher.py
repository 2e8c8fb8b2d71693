"""Enrichment: known facts, absent ones, exact rates; columns give exactly the scalar values."""

from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paywarden.core.errors import InvalidRequest
from paywarden.core.money import INT64_MAX
from paywarden.reference.bins import BinFacts, BinTable
from paywarden.reference.currencies import currencies
from paywarden.reference.ip_ranges import IpFacts, IpSet, IpTable, parse_network
from paywarden.reference.provenance import Provenance
from paywarden.reference.reading import TableFile
from paywarden.risk.enrichment.columns import DEGRADED, enrich_columns
from paywarden.risk.enrichment.enricher import (
    AMOUNT_OUT_OF_RANGE,
    DERIVED_FIELDS,
    RATE_MISSING,
    SOURCE_FIELDS,
    Enricher,
)
from paywarden.risk.enrichment.rates import FrozenRate, Rates, freeze, load_rates
from paywarden.risk.enrichment.tables import EnrichmentTables

# Neighbours on the machine must not fail a test, and two runs must try the same examples.
CALM = settings(deadline=None, derandomize=True)

ORIGIN = Provenance("test", "own", "none", date(2026, 11, 1), "00" * 32, 1, 7)


def spans(*networks: str) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
    v4, v6 = [], []
    for row, text in enumerate(networks):
        found = parse_network(text)
        assert found is not None
        (v4 if found[0] == 4 else v6).append((found[1], found[2], row))
    return v4, v6


def rates() -> Rates:
    table = {"USD": "0.9214", "JPY": "0.0061", "KWD": "3.0123456", "CLF": "38.5", "KRW": "0.00062"}
    return Rates("EUR", {code: freeze(code, "EUR", rate, None) for code, rate in table.items()})


def full_tables() -> EnrichmentTables:
    countries = IpTable(
        *spans("10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32", "0.0.0.0/8"),
        [IpFacts("DE", None), IpFacts("FR", None), IpFacts("GB", None), IpFacts(None, None)],
        ORIGIN,
    )
    owners = IpTable(*spans("10.1.0.0/16"), [IpFacts(None, 3320)], ORIGIN)
    bins = BinTable(
        [
            (41111100000, 41111199999, 0),
            (41111122000, 41111122999, 1),
            (90000000000, 90000099999, 2),
        ],
        [
            BinFacts("visa", "credit", False, "US", "One"),
            BinFacts("visa", "debit", None, "GB", None),
            BinFacts(None, None, None, None, None),
        ],
        ORIGIN,
    )
    return EnrichmentTables(
        rates=rates(),
        bins=bins,
        ip_country=countries,
        ip_asn=owners,
        datacenters=IpSet(*spans("10.2.0.0/16", "10.3.0.0/16"), ORIGIN),
        vpns=IpSet(*spans("2001:db8:1::/48"), ORIGIN),
    )


FULL = Enricher(full_tables())
BARE = Enricher(EnrichmentTables(Rates("EUR", {})))


def test_everything_known() -> None:
    found = FULL.enrich(
        {
            "device.ip": "10.1.2.3",
            "payer.email": "A.nn+x@GoogleMail.com",
            "instrument.bin": "41111122",
            "merchant.mcc": "7995",
            "payment.amount_minor": 12345,
            "payment.currency": "USD",
        }
    )
    assert found.fields == {
        "ip.version": 4,
        "ip.prefix": "10.1.2.0/24",
        "ip.country": "FR",
        "ip.asn": 3320,
        "ip.is_datacenter": False,
        "ip.is_vpn": False,
        "email.canonical": "ann@gmail.com",
        "email.domain": "gmail.com",
        "email.is_disposable": False,
        "email.is_free": True,
        "card.brand": "visa",
        "card.funding": "debit",
        "card.country": "GB",
        "merchant.mcc_group": "gambling",
        "payment.amount_base_minor": 11375,
    }
    assert found.degraded == ()
    assert found.rate == FrozenRate("USD", "EUR", 4607, 5000, None)


def test_unknown_is_absent_not_false() -> None:
    given_fields = {"device.ip": "10.1.2.3", "instrument.bin": "411111", "merchant.mcc": "0001"}
    found = BARE.enrich(given_fields)
    assert found.fields == {"ip.version": 4, "ip.prefix": "10.1.2.0/24", "card.brand": "visa"}
    assert BARE.enrich({}).fields == {}
    assert BARE.enrich(dict.fromkeys(SOURCE_FIELDS)).fields == {}


def test_coarse_bin_gives_only_what_its_whole_span_shares() -> None:
    assert FULL.enrich({"instrument.bin": "411111"}).fields == {"card.brand": "visa"}
    assert FULL.enrich({"instrument.bin": "41111100"}).fields["card.issuer"] == "One"


def test_disposable_mail_and_v6() -> None:
    found = FULL.enrich({"payer.email": "x@a.mailinator.com", "device.ip": "2001:db8:1::9"}).fields
    assert found["email.is_disposable"] is True and found["email.is_free"] is False
    assert (found["ip.version"], found["ip.country"], found["ip.is_vpn"]) == (6, "GB", True)
    assert found["ip.prefix"] == "2001:db8:1::/64"
    mapped = FULL.enrich({"device.ip": "::ffff:10.2.0.1"}).fields
    assert mapped["ip.is_datacenter"] is True and mapped["ip.version"] == 4


@pytest.mark.parametrize(
    ("amount", "currency", "base", "word"),
    [
        (100, "EUR", 100, None),
        (-100, "EUR", -100, None),
        (1000, "JPY", 610, None),
        (1000, "KWD", 301, None),
        (10000, "CLF", 3850, None),
        (50, "GBP", None, RATE_MISSING),
        (50, "eur", None, RATE_MISSING),
        (INT64_MAX, "EUR", INT64_MAX, None),
        (INT64_MAX, "CLF", INT64_MAX * 385 // 1000, None),
        (INT64_MAX, "KWD", INT64_MAX * 30123456 // 10**8, None),
        (INT64_MAX + 1, "EUR", None, AMOUNT_OUT_OF_RANGE),
        (True, "EUR", None, None),
        (1.5, "EUR", None, None),
        (None, "EUR", None, None),
        (5, None, None, None),
    ],
)
def test_base_amounts(amount: object, currency: object, base: int | None, word: str | None) -> None:
    found = FULL.enrich({"payment.amount_minor": amount, "payment.currency": currency})
    assert found.degraded == ((word,) if word else ())
    answer = found.fields.get("payment.amount_base_minor")
    assert answer == base or (isinstance(answer, int) and base and abs(answer - base) <= 1)


TENDER = sorted(c.code for c in currencies().values() if c.exponent is not None)


@CALM
@given(
    st.sampled_from(TENDER),
    st.sampled_from(TENDER),
    st.decimals("0.000001", "9999", places=6),
    st.integers(-(10**12), 10**12),
)
def test_conversion_is_exact_decimal_arithmetic(
    code: str, base: str, rate: Decimal, amount: int
) -> None:
    frozen = freeze(code, base, f"{rate:f}", None)
    known = currencies()
    whole = Decimal(amount).scaleb(-(known[code].exponent or 0)) * rate
    expected = whole.scaleb(known[base].exponent or 0).quantize(Decimal(1), ROUND_HALF_EVEN)
    assert frozen.convert(amount) == int(expected)


@pytest.mark.parametrize("rate", ["0", "0.0", "-1", "1e3", "1,5", "", " 1", "NaN", "1.", ".5", "٣"])
def test_bad_rate_text(rate: str) -> None:
    with pytest.raises(ValueError, match="rate must be"):
        freeze("USD", "EUR", rate, None)


@pytest.mark.parametrize("code", ["XAU", "usd", "ZZZ", "", "XXX"])
def test_bad_rate_currency(code: str) -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        freeze(code, "EUR", "1.5", None)


RATES = "currency,rate,as_of\nUSD,0.9214,2026-11-20\nJPY,0.0061,2026-11-19\n"


def write(tmp_path: Path, text: str) -> TableFile:
    path = tmp_path / "rates.csv"
    path.write_text(text, "utf-8")
    return TableFile(path)


def test_rates_file(tmp_path: Path) -> None:
    table = load_rates(write(tmp_path, RATES), "EUR")
    usd = table.frozen("USD")
    assert usd is not None and usd.as_of == "2026-11-20" and len(table) == 3
    assert table.provenance is not None
    assert table.provenance.as_of == date(2026, 11, 19)
    assert table.frozen("GBP") is None and table.frozen(None) is None and table.frozen([]) is None


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("USD,0.9,2026-11-20", "rate_repeated"),
        ("EUR,1.1,2026-11-20", "rate_bad_cell"),
        ("GBP,1.1,yesterday", "rate_bad_cell"),
        ("GBP,-1.1,2026-11-20", "rate_bad_cell"),
        ("GBP,999999999999.999999999999,2026-11-20", "rate_bad_cell"),
        ("XAU,1.1,2026-11-20", "rate_bad_cell"),
        ("GBP,1.1", "table_row_width"),
    ],
)
def test_bad_rate_lines_are_named(tmp_path: Path, line: str, code: str) -> None:
    file = write(tmp_path, RATES + line + "\n")
    with pytest.raises(InvalidRequest) as caught:
        load_rates(file, "EUR")
    assert caught.value.code == code
    assert caught.value.pointer == f"{file.path}:4"


def test_rates_of_another_base_are_refused() -> None:
    with pytest.raises(ValueError, match="base"):
        Rates("USD", {"JPY": freeze("JPY", "EUR", "0.0061", None)})


def test_version_names_every_table() -> None:
    bare, full = EnrichmentTables(Rates("EUR", {})), full_tables()
    assert bare.version() != full.version() != EnrichmentTables(Rates("USD", {})).version()
    assert full.version() == full_tables().version()
    names = [p.name for p in full.provenance()]
    assert names == sorted(names) and names.count("test") == 5 and "mcc" in names
    late = ORIGIN.as_of_us + 8 * 86_400_000_000
    assert {a.table for a in full.alarms(late)} >= {"test", "disposable_email_domains"}


IPS = st.one_of(
    st.ip_addresses().map(str),
    st.sampled_from(
        [
            "10.1.2.3",
            " 10.1.2.3",
            "10.2.0.1\n",
            "10.1.2.256",
            "01.2.3.4",
            "::ffff:10.3.0.1",
            "0.0.0.1",
            "2001:db8:1::5",
            "[2001:db8::1]",
            "x",
            "",
            "255.255.255.255",
            "10.1.2.3.4",
            "٣.1.1.1",
        ]
    ),
)
MAILS = st.sampled_from(
    ["a@mailinator.com", "A.b+c@gmail.com", "no", "", "x@example.org", "ü@münchen.example", "A@b"]
)
TEXTS = {
    "device.ip": IPS,
    "payer.email": MAILS,
    "instrument.bin": st.sampled_from(
        ["411111", "41111122", "4111 1100", "900000", "550000", "1", "", "x", "4111111111"]
    ),
    "merchant.mcc": st.sampled_from(["7995", "742", "0742", "9999", "", "5732"]),
    "payment.currency": st.sampled_from(["EUR", "USD", "JPY", "KWD", "GBP", "", "eur", "KRW"]),
}
ROWS = st.fixed_dictionaries(
    {name: st.none() | values for name, values in TEXTS.items()}
    | {
        "payment.amount_minor": st.none()
        | st.integers(-(2**63), 2**63 - 1)
        | st.integers(-999, 999)
    }
)
SCHEMA = {name: pl.String() for name in TEXTS} | {"payment.amount_minor": pl.Int64()}


def same(enricher: Enricher, frame: pl.DataFrame) -> None:
    answer = enrich_columns(enricher, frame)
    assert answer.columns == [*DERIVED_FIELDS, DEGRADED]
    assert answer.height == frame.height
    types = {"int": pl.Int64(), "string": pl.String(), "bool": pl.Boolean()}
    assert all(answer.schema[name] == types[kind] for name, (kind, _) in DERIVED_FIELDS.items())
    for row, got in zip(frame.to_dicts(), answer.to_dicts(), strict=True):
        expected = enricher.enrich(row)
        assert {k: v for k, v in got.items() if v is not None and k != DEGRADED} == expected.fields
        assert ((got[DEGRADED],) if got[DEGRADED] else ()) == expected.degraded


@settings(CALM, max_examples=60)
@given(st.lists(ROWS, max_size=12), st.sampled_from([FULL, BARE]))
def test_columns_equal_the_scalar_enricher(rows, enricher: Enricher) -> None:
    same(enricher, pl.DataFrame(rows, schema=SCHEMA))


@settings(CALM, max_examples=40)
@given(st.lists(st.integers(-(10**9), 10**9), max_size=20), st.sampled_from(["USD", "JPY", "KWD"]))
def test_vector_rounding_equals_the_scalar_one(amounts: list[int], code: str) -> None:
    frame = pl.DataFrame(
        {"payment.amount_minor": amounts, "payment.currency": [code] * len(amounts)},
        schema={"payment.amount_minor": pl.Int64(), "payment.currency": pl.String()},
    )
    same(FULL, frame)


def test_columns_of_other_types() -> None:
    frame = pl.DataFrame(
        {
            "device.ip": pl.Series(["10.1.2.3", None, "10.1.2.3"], dtype=pl.Categorical()),
            "payer.email": pl.Series([1.5, None, 2.0]),
            "instrument.bin": pl.Series([411111, None, 41111122]),
            "merchant.mcc": pl.Series([742, 7995, None], dtype=pl.Int16()),
            "payment.amount_minor": pl.Series([2**64 - 1, 5, None], dtype=pl.UInt64()),
            "payment.currency": pl.Series(["EUR", "JPY", "JPY"], dtype=pl.Categorical()),
        }
    )
    same(FULL, frame)
    same(FULL, frame.with_columns(pl.col("payment.amount_minor").cast(pl.Float64())))
    same(FULL, pl.DataFrame({"unrelated": [1, 2]}))
    same(FULL, pl.DataFrame({"device.ip": [None, None], "payment.currency": [None, "EUR"]}))


@CALM
@given(
    st.dictionaries(
        st.sampled_from(SOURCE_FIELDS),
        st.text(max_size=30) | st.integers() | st.floats() | st.none() | st.binary() | st.just([]),
    )
)
def test_strange_fields_never_raise(fields) -> None:
    found = FULL.enrich(fields)
    assert set(found.fields) <= set(DERIVED_FIELDS)
    kinds = {"int": int, "string": str, "bool": bool}
    assert all(type(v) is kinds[DERIVED_FIELDS[k][0]] for k, v in found.fields.items())
