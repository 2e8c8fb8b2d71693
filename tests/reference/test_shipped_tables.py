"""Shipped tables: verified, complete, consistent with each other; altered files are refused."""

import shutil
from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest

from paywarden.core.errors import Corrupt
from paywarden.core.instants import DAY_US
from paywarden.reference.countries import countries, country, country_by_alpha3_or_numeric
from paywarden.reference.currencies import (
    active_currency,
    currencies,
    currency,
    currency_by_numeric,
)
from paywarden.reference.email_domains import disposable_domains, free_domains
from paywarden.reference.mcc import merchant_categories, merchant_category, risk_groups
from paywarden.reference.provenance import Provenance
from paywarden.reference.shipped import load_shipped, shipped_names, shipped_provenance


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    source = Path(str(files("paywarden.reference").joinpath("tables")))
    return Path(shutil.copytree(source, tmp_path / "tables"))


def test_every_shipped_table_matches_the_manifest() -> None:
    assert len(shipped_names()) == 7
    for origin in shipped_provenance():
        assert origin.source and origin.licence and origin.as_of and origin.rows > 0


@pytest.mark.parametrize("name", ["currencies", "disposable_email_domains", "mcc"])
def test_one_changed_byte_is_corrupt(folder: Path, name: str) -> None:
    file = next(f for f in folder.iterdir() if f.stem == name)
    octets = bytearray(file.read_bytes())
    octets[len(octets) // 2] ^= 1
    file.write_bytes(octets)
    with pytest.raises(Corrupt) as caught:
        load_shipped(name, folder)
    assert caught.value.code == "table_digest_mismatch"


def test_missing_file_and_broken_manifest_are_corrupt(folder: Path) -> None:
    (folder / "mcc.csv").unlink()
    with pytest.raises(Corrupt, match="table_file_missing"):
        load_shipped("mcc", folder)
    with pytest.raises(Corrupt, match="table_manifest_broken"):
        load_shipped("no_such_table", folder)
    (folder / "manifest.toml").write_text("not [ toml")
    with pytest.raises(Corrupt, match="table_manifest_broken"):
        load_shipped("currencies", folder)


def test_wrong_row_count_is_corrupt(folder: Path) -> None:
    manifest = folder / "manifest.toml"
    rows = load_shipped("currencies").provenance.rows
    manifest.write_text(manifest.read_text().replace(f"rows = {rows}\n", f"rows = {rows + 1}\n"))
    with pytest.raises(Corrupt, match="table_rows_mismatch"):
        load_shipped("currencies", folder)


def test_currencies() -> None:
    exponents = {
        "JPY": 0,
        "KRW": 0,
        "CLP": 0,
        "ISK": 0,
        "UGX": 0,
        "VND": 0,
        "XOF": 0,
        "BHD": 3,
        "IQD": 3,
        "JOD": 3,
        "KWD": 3,
        "LYD": 3,
        "OMR": 3,
        "TND": 3,
        "CLF": 4,
        "UYW": 4,
        "EUR": 2,
        "USD": 2,
        "HUF": 2,
        "MGA": 2,
        "MRU": 2,
    }
    for code, exponent in exponents.items():
        known = currency(code)
        assert known is not None and known.exponent == exponent
    assert all(len(code) == 3 and code.isupper() for code in currencies())
    assert all(len(k.numeric) == 3 and k.numeric.isdigit() for k in currencies().values())
    live = [k.numeric for k in currencies().values() if k.status != "withdrawn"]
    assert len(live) == len(set(live))
    assert active_currency("EUR") and not active_currency("XAU") and not active_currency("HRK")
    assert not active_currency("eur") and currency("ZZZ") is None
    yen = currency_by_numeric("392")
    assert yen is not None and yen.code == "JPY"
    guilder = currency_by_numeric("532")
    assert guilder is not None and guilder.code == "XCG"


def test_countries() -> None:
    known = countries()
    assert sum(c.official for c in known.values()) == 249
    assert sum(c.eu for c in known.values()) == 27
    assert sum(c.eea for c in known.values()) == 30
    assert all(c.eea for c in known.values() if c.eu)
    assert all(c.currency is None or active_currency(c.currency) for c in known.values())
    assert len({c.alpha3 for c in known.values()}) == 250
    germany = country("DE")
    assert germany is not None and germany is country_by_alpha3_or_numeric("276")
    assert germany is country_by_alpha3_or_numeric("DEU")
    assert country("UK") is None and country("XX") is None


def test_merchant_categories() -> None:
    assert len(merchant_categories()) > 950
    groups = {
        "7995": "gambling",
        "6051": "crypto",
        "4829": "money_transfer",
        "5732": "electronics",
        "5816": "digital_goods",
        "6011": "cash_like",
        "4722": "travel",
        "3058": "travel",
        "5967": "adult",
        "5912": "pharmacy",
        "5411": "grocery",
        "9406": "gambling",
    }
    for code, group in groups.items():
        category = merchant_category(code)
        assert category is not None and category.risk_group == group and category.description
    assert merchant_category("0000") is None
    assert set(groups.values()) <= set(risk_groups())


def test_mail_domains() -> None:
    assert "mailinator.com" in disposable_domains()
    assert "deep.sub.mailinator.com" in disposable_domains()
    assert "examplemailinator.com" not in disposable_domains()
    assert "com" not in disposable_domains() and "" not in disposable_domains()
    assert "gmail.com" in free_domains() and "gmail.com" not in disposable_domains()
    assert "x." * 5000 + "mailinator.com" not in disposable_domains()


TENTH = date(1970, 1, 11)


@pytest.mark.parametrize(
    ("as_of", "limit", "now_us", "word"),
    [
        (TENTH, 7, 17 * DAY_US, None),
        (TENTH, 7, 17 * DAY_US + 1, "table_stale"),
        (TENTH, 7, 9 * DAY_US, None),
        (TENTH, 7, 9 * DAY_US - 1, "table_from_future"),
        (TENTH, None, 9999 * DAY_US, None),
        (None, 7, 0, "table_age_unknown"),
        (None, None, 0, None),
    ],
)
def test_age_alarm(as_of: date | None, limit: int | None, now_us: int, word: str | None) -> None:
    alarm = Provenance("t", "s", "l", as_of, "00", 1, limit).alarm(now_us)
    assert (alarm.word if alarm else None) == word


def test_facts_are_plain() -> None:
    facts = shipped_provenance()[0].facts()
    assert facts["name"] == "card_ranges" and isinstance(facts["as_of"], str)
