"""Truncated, malformed and hostile files: a fault with a place and a remedy, never half a list."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from pathlib import Path

import list_samples as samples
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paywarden.aml.screening.sources.reading import read_folder

LOL = b"""<?xml version="1.0"?><!DOCTYPE CONSOLIDATED_LIST [<!ENTITY a "ha">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><CONSOLIDATED_LIST><INDIVIDUALS>&b;</INDIVIDUALS>
</CONSOLIDATED_LIST>"""
XXE = b"""<?xml version="1.0"?><!DOCTYPE export SYSTEM "file:///etc/passwd"><export/>"""


def read_one(folder: Path, octets: bytes):
    (folder / "list").write_bytes(octets)
    return read_folder(folder)


@pytest.mark.parametrize("name", samples.STRICT)
def test_cut_xml_is_never_taken(tmp_path, name):
    octets = samples.STRICT[name]
    whole = read_one(tmp_path, octets).entities
    assert whole
    for end in range(1, len(octets), 7):
        read = read_one(tmp_path, octets[:end])
        assert read.faults or read.entities == whole
        assert all(one.remedy and one.detail for one in read.faults)


@pytest.mark.parametrize("name", [*samples.STRICT, *samples.BY_LINE])
def test_cut_gzip_is_never_taken(tmp_path, name):
    octets = gzip.compress((samples.STRICT | samples.BY_LINE)[name])
    assert read_one(tmp_path, octets).entities
    for end in range(1, len(octets), 11):
        read = read_one(tmp_path, octets[:end])
        assert read.faults and not read.entities


@pytest.mark.parametrize("name", samples.BY_LINE)
def test_cut_lines_are_told_unless_cut_between_records(tmp_path, name):
    octets = samples.BY_LINE[name]
    whole = read_one(tmp_path, octets).entities
    for end in range(1, len(octets)):
        read = read_one(tmp_path, octets[:end])
        if read.faults:
            assert not read.entities
        elif read.entities != whole:
            assert octets[end - 1 : end] == b"\n" or any(
                "cut off" in one for one in read.files[0].notes
            )


def test_ofac_cut_anywhere_is_told(tmp_path):
    for end in range(1, len(samples.OFAC_MAIN)):
        read = read_one(tmp_path, samples.OFAC_MAIN[:end])
        assert read.faults or any("cut off" in note for note in read.files[0].notes)


@pytest.mark.parametrize("octets", [LOL, XXE, LOL.decode().encode("utf-16")])
def test_entities_and_document_types_are_refused(tmp_path, octets):
    read = read_one(tmp_path, octets)
    assert [one.code for one in read.faults] == ["list_xml_refused"] and not read.entities


def test_bombs_stop_at_the_limit(tmp_path):
    body = samples.UN_XML.replace(b"</CONSOLIDATED_LIST>", b" " * (64 << 20))
    read = read_one(tmp_path, gzip.compress(body))
    assert [one.code for one in read.faults] == ["list_too_large"]
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.xml", body)
        archive.writestr("sound.csv", samples.OWN)
    mixed = read_one(tmp_path, target.getvalue())
    assert [one.code for one in mixed.faults] == ["list_too_large"]
    assert len(mixed.entities) == 2


def test_deep_xml_json_and_yaml(tmp_path):
    deep = b"<CONSOLIDATED_LIST>" + b"<a>" * 100_000
    assert read_one(tmp_path, deep).faults[0].code == "list_too_large"
    assert read_one(tmp_path, b"[" * 200_000).faults[0].code in ("list_malformed", "list_truncated")
    bomb = b"A:\n  content:\n  - names: &a [x, x]\n  - names: [*a, *a]\n  updated: 1\n"
    assert read_one(tmp_path, bomb).faults[0].code == "list_malformed"


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (b"", "list_empty"),
        (b"  \n ", "list_empty"),
        (b"<!doctype html><html>sign in</html>", "list_is_a_page"),
        (b"# just a readme\nwith words\n", "list_unrecognised"),
        (b"\x00\x01\x02" * 100, "list_unrecognised"),
        (b"name,dob\nQuillberry, Tomas,1962\n", "list_malformed"),
        (b"name,dob\n,1962\n", "list_name_missing"),
        (b'name,dob\n"Tom,1962\nAnn,1963\n', "list_truncated"),
        (b"name\n", "list_empty"),
        (b"PK\x05\x06" + bytes(18), "list_empty"),
        (b'{"name":"Ann \\ud800"}\n', "list_malformed"),
        (b"[[1]]", "list_malformed"),
        (b"A:\n  content:\n  - !!python/name:os.system x\n  updated: 1\n", "list_malformed"),
        (b"PK\x03\x04 not really a zip", "list_malformed"),
        (b'{"id":"a","schema":"Person","properties":{}}\n', "list_malformed"),
    ],
)
def test_clear_faults(tmp_path, octets, code):
    read = read_one(tmp_path, octets)
    assert [one.code for one in read.faults] == [code] and not read.entities


def test_faults_name_the_line(tmp_path):
    read = read_one(tmp_path, b"name,dob\nAnn,1960\nQuillberry, Tomas,1962\n")
    assert read.faults[0].line == 3 and read.faults[0].name == "list"


def test_a_fault_hurts_no_other_file_and_twins_are_read_once(tmp_path):
    (tmp_path / "bad.xml").write_bytes(samples.UN_XML[:500])
    (tmp_path / "un.xml").write_bytes(samples.UN_XML)
    (tmp_path / "un copy.xml").write_bytes(samples.UN_XML)
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "own.csv").write_bytes(samples.OWN)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    read = read_folder(tmp_path)
    assert {one.name: one.code for one in read.faults} == {
        "bad.xml": "list_truncated",
        "pipe": "list_unreadable",
        "gone": "list_unreadable",
    }
    assert len(read.entities) == 4
    assert [one.format for one in read.files].count("duplicate") == 1


def test_two_versions_of_one_list_lose_no_name(tmp_path):
    (tmp_path / "new.xml").write_bytes(samples.UN_XML)
    (tmp_path / "old.xml").write_bytes(samples.UN_XML.replace(b"Tom Kvilberi", b"Tomas Kvilberg"))
    person = next(one for one in read_folder(tmp_path).entities if one.schema == "Person")
    assert {"Tom Kvilberi", "Tomas Kvilberg"} <= {one.text for one in person.names}


def test_one_id_twice_in_a_file_is_told(tmp_path):
    read = read_one(tmp_path, b"id,name\n1,Ann Quill\n1,Bo Quill\n")
    (entity,) = read.entities
    assert [one.text for one in entity.names] == ["Ann Quill", "Bo Quill"]
    assert "1 entries have an id" in read.files[0].notes[0]


def test_nothing_there(tmp_path):
    assert read_folder(tmp_path).faults[0].code == "list_missing"
    assert read_folder(tmp_path / "nowhere").faults[0].code == "list_missing"


ALL = samples.STRICT | samples.BY_LINE | {"ofac": samples.OFAC_MAIN}


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from(sorted(ALL)),
    st.lists(st.tuples(st.integers(0, 10_000), st.binary(max_size=6)), min_size=1, max_size=4),
)
def test_damaged_octets_never_raise(tmp_path, name, damages):
    octets = bytearray(ALL[name])
    for place, put in damages:
        place %= len(octets)
        octets[place : place + max(1, len(put))] = put
    read = read_one(tmp_path, bytes(octets))
    assert bool(read.entities) != bool(read.faults)
