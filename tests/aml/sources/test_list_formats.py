"""Each format gives the same person, told by content alone; compressed and renamed ones as well."""

from __future__ import annotations

import gzip
import io
import zipfile

import list_samples as samples
import pytest

from paywarden.aml.screening.model import Identifier, ListedEntity, ListedName, PartialDate
from paywarden.aml.screening.sources.reading import FolderOfLists


def by_id(read: FolderOfLists) -> dict[str, ListedEntity]:
    assert read.faults == ()
    return {one.id: one for one in read.entities}


def names(entity: ListedEntity) -> set[tuple[str, str]]:
    return {(one.text, one.kind) for one in entity.names}


def test_ofac_trio_under_any_name_and_packed(read_files):
    read = read_files(
        a=gzip.compress(samples.OFAC_ADDRESSES),
        b=zipped("whatever.txt", samples.OFAC_MAIN),
        c=samples.OFAC_ALIASES,
    )
    found = by_id(read)
    person = found["ofac-9002"]
    assert person.schema == "Person" and person.primary_name == "Tomas Aurelio QUILLBERRY"
    assert names(person) == {
        ("Tomas Aurelio QUILLBERRY", "primary"),
        ("Tom QUILBERRY", "alias"),
        ("Tomas KVILBERI", "alias"),
        ("QUILL", "weak"),
    }
    assert PartialDate(1962, 3, 5) in person.birth_dates
    assert PartialDate(1961, circa=True) in person.birth_dates
    assert person.countries == ("CU", "KP") and person.genders == ("male",)
    assert Identifier("passport", "X1234567") in person.identifiers
    assert Identifier("wallet", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT") in person.identifiers
    assert found["ofac-9001"].programs == ("CUBA", "SDGT")
    assert found["ofac-9001"].countries == ("PA",)
    assert ("BLUHERON", "alias") in names(found["ofac-9001"])
    vessel = found["ofac-9003"]
    assert vessel.schema == "Vessel" and vessel.countries == ("IR", "PA")
    assert Identifier("imo", "9074729") in vessel.identifiers
    assert [one.entities for one in read.files if one.format == "ofac-csv-main"] == [3]


def test_ofac_parts_alone_are_faults_and_main_alone_is_noted(read_files):
    alone = read_files(alt=samples.OFAC_ALIASES, own=samples.OWN)
    assert [one.code for one in alone.faults] == ["list_main_missing"]
    assert len(alone.entities) == 2
    main = read_files(sdn=samples.OFAC_MAIN)
    assert "aliases are missing" in main.files[0].notes[0]


def test_a_broken_file_of_aliases_takes_the_main_file_with_it(read_files):
    read = read_files(sdn=samples.OFAC_MAIN, alt=samples.OFAC_ALIASES[:-15], own=samples.OWN)
    assert {one.code for one in read.faults} == {"list_truncated", "list_part_broken"}
    assert {one.source for one in read.entities} == {"own-own"}


@pytest.mark.parametrize("octets", [samples.OFAC_XML, samples.OFAC_ADVANCED])
def test_ofac_xml_gives_the_ids_of_the_csv(read_files, octets):
    read = read_files(x=octets)
    person = by_id(read)["ofac-9002"]
    assert person.primary_name == "Tomas Aurelio QUILLBERRY"
    assert person.birth_dates == (PartialDate(1962, 3, 5),)
    assert person.countries == ("CU",) and person.genders == ("male",)
    assert person.programs == ("SDNTK",)
    assert Identifier("passport", "X1234567") in person.identifiers
    assert read.files[0].list_date == "2026-10-03"


def test_ofac_advanced_scripts_weak_names_and_wallets(read_files):
    person = by_id(read_files(x=samples.OFAC_ADVANCED))["ofac-9002"]
    assert ("QUILL", "weak") in names(person)
    assert ("Квилбери", "original_script") in names(person)
    assert Identifier("wallet", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT") in person.identifiers


def test_un(read_files):
    read = read_files(x=samples.UN_XML)
    person = by_id(read)["un-ZZi.001"]
    assert names(person) == {
        ("TOMAS AURELIO QUILLBERRY", "primary"),
        ("Tom Kvilberi", "alias"),
        ("Quill", "weak"),
        ("توماس كويلبري", "original_script"),
    }
    assert [one.text for one in person.birth_dates] == ["c. 1960", "c. 1961", "c. 1962", "c. 1965"]
    assert person.countries == ("CD", "IR")
    assert by_id(read)["un-ZZe.001"].schema == "Organization"
    assert read.files[0].list_date == "2026-10-01"


@pytest.mark.parametrize("octets", [samples.EU_XML, samples.EU_CSV])
def test_eu(read_files, octets):
    read = read_files(x=octets)
    found = by_id(read)
    assert found["eu-13"].primary_name == "Tomas Quillberry" and found["eu-13"].schema == "Person"
    assert found["eu-13"].birth_dates[0].year == 1962
    assert found["eu-13"].countries == ("IQ",) and found["eu-13"].programs == ("IRQ",)
    assert found["eu-14"].schema == "Organization"
    assert read.files[0].list_date == "2026-10-02"


def test_uk(read_files):
    read = read_files(x=samples.UK_CSV)
    found = by_id(read)
    assert names(found["uk-ZZZ0001"]) == {
        ("Tomas Aurelio QUILLBERRY", "primary"),
        ("QUILL", "weak"),
    }
    assert found["uk-ZZZ0001"].countries == ("CU", "RU")
    assert found["uk-ZZZ0001"].birth_dates == (PartialDate(1962), PartialDate(1962, 3, 5))
    assert found["uk-ZZZ0002"].schema == "Vessel"
    assert read.files[0].list_date == "2026-10-12"
    assert by_id(read_files(x=samples.UK_CONLIST))["uk-777"].birth_dates == (PartialDate(1962),)
    person = by_id(read_files(x=samples.UK_XML))["uk-ZZZ0001"]
    assert person.countries == ("CU", "RU") and ("QUILL", "weak") in names(person)


def test_follow_the_money(read_files):
    read = read_files(x=samples.FTM)
    person = by_id(read)["ftm-Q1"]
    assert person.primary_name == "Tomas Quillberry"
    assert person.countries == ("CU", "RU")
    assert set(person.programs) == {"sanction", "xx_list", "Invented"}
    wallet = by_id(read)["ftm-W1"]
    assert wallet.schema == "CryptoWallet" and wallet.identifiers[0].kind == "wallet"
    assert "1 objects" in read.files[0].notes[0]


def test_own_lists(read_files):
    simple = by_id(read_files(targets=samples.SIMPLE))
    assert names(simple["own-targets-NK-1"]) == {
        ("Tomas Quillberry", "primary"),
        ("Tom Q", "alias"),
        ("Quill", "alias"),
    }
    assert simple["own-targets-NK-2"].primary_name == "Blue Heron, Ltd"
    own = read_files(staff=samples.OWN)
    person = next(one for one in own.entities if one.schema == "Person")
    assert person.birth_dates == (PartialDate(1962, circa=True),) and person.countries == ("CI",)
    again = read_files(staff=samples.OWN)
    assert [one.id for one in again.entities] == [one.id for one in own.entities]
    excel = read_files(staff="Name\nJosé Quillberry\n".encode("cp1252"))
    assert excel.entities[0].primary_name == "José Quillberry" and excel.files[0].notes
    wide = read_files(staff="name,dob\nJosé Quillberry,1962\n".encode("utf-16"))
    assert wide.entities[0].names == (ListedName("José Quillberry", "primary"),)
    objects = read_files(x=b'[{"name": "Tom Q", "aliases": ["Quill"], "dob": 1962}]')
    assert objects.entities[0].birth_dates == (PartialDate(1962),)
    lines = read_files(x=b'{"name": "Tom Q"}\n{"name": "Ann Q", "type": "pep"}\n')
    assert [one.schema for one in lines.entities] == ["LegalEntity", "Person"]


def test_names_yml(read_files):
    read = read_files(x=samples.YML)
    assert len(read.entities) == 3 and read.files[0].list_date == "2021-02-26"
    assert read.entities[0].birth_dates == (PartialDate(1962, 3, 5),)


def test_hash_follows_content_and_not_order():
    first, second = ListedName("A", "primary"), ListedName("B", "alias")
    one = ListedEntity("x-1", "x", "Person", (first, second), programs=("p", "q"))
    other = ListedEntity("x-1", "x", "Person", (second, first), programs=("q", "p"))
    changed = ListedEntity("x-1", "x", "Person", (first,), programs=("p", "q"))
    assert one.content_hash == other.content_hash != changed.content_hash


def test_the_real_lists(data_folder):
    from paywarden.aml.screening.sources.reading import read_folder

    read = read_folder(data_folder / "sanctions")
    counts = {one.format: one.entities for one in read.files}
    assert read.faults == ()
    assert counts["ofac-csv-main"] == 8_976 and counts["un-xml"] == 1_003
    assert sum(len(one.names) for one in read.entities if one.source == "ofac") > 20_000


def zipped(name: str, octets: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, octets)
    return target.getvalue()
