"""XML that attacks its reader: refused early and in words of ours, with nothing fetched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from iso20022_kit import bent, needs_schemas, pacs008, transfer
from paywarden.core.errors import LimitExceeded, PaywardenError, TooLarge, Unavailable, Unparsable
from paywarden.decision.iso20022 import reading, reading_process
from paywarden.decision.iso20022.reading_process import ReadingProcess
from paywarden.decision.iso20022.taking_in import take_in

pytestmark = needs_schemas

PLAIN = pacs008(transfer())
HEAD, REST = PLAIN.split(b"?>", 1)


def with_doctype(doctype: str, name: str = "Anna Muster") -> bytes:
    return HEAD + b"?>" + doctype.encode() + bent(REST, "Anna Muster", name)


LAUGHS = "".join(
    f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' if n else '<!ENTITY a0 "ha">' for n in range(10)
)
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
HOSTILE = {
    "billion laughs": with_doctype(f"<!DOCTYPE Document [{LAUGHS}]>", "&a9;"),
    "quadratic": with_doctype(f'<!DOCTYPE D [<!ENTITY a "{"x" * 9_000}">]>', "&a;" * 9_000),
    "file": with_doctype('<!DOCTYPE D [<!ENTITY a SYSTEM "file:///etc/passwd">]>', "&a;"),
    "network": with_doctype('<!DOCTYPE D SYSTEM "http://127.0.0.1:9/a.dtd">'),
    "parameter entity": with_doctype('<!DOCTYPE D [<!ENTITY % a SYSTEM "http://[::1]/">%a;]>'),
    "bare doctype": with_doctype("<!DOCTYPE Document>"),
    "own type": bent(PLAIN, "<Dbtr>", f'<Dbtr {XSI} xsi:type="Other">'),
    "nil": bent(PLAIN, "<ChrgBr>", f'<ChrgBr {XSI} xsi:nil="true">'),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_doctypes_entities_and_types_of_a_message_are_refused(name: str) -> None:
    with pytest.raises(PaywardenError) as found:
        take_in(HOSTILE[name], 10)
    assert found.value.code == "xml_refused"
    assert found.value.pointer is not None
    assert found.value.pointer.startswith("line:")


def test_an_undeclared_entity_is_not_well_formed() -> None:
    with pytest.raises(Unparsable):
        take_in(bent(PLAIN, "Anna", "&nobody;"), 10)


@pytest.mark.parametrize(
    "message",
    [
        bent(PLAIN, "<Dbtr>", "<a>" * 50 + "</a>" * 50 + "<Dbtr>"),
        bent(PLAIN, "Anna Muster", "A" * 30_000),
        bent(PLAIN, "<Dbtr>", "<Dbtr " + " ".join(f'a{n}="1"' for n in range(9)) + ">"),
    ],
)
def test_depth_texts_and_attributes_have_limits(message: bytes) -> None:
    with pytest.raises(TooLarge) as found:
        take_in(message, 10)
    assert found.value.code == "xml_too_large"


@pytest.mark.parametrize(
    "message",
    [
        b"", b"\x00" * 50, b"{}", b"PK\x03\x04" + b"\x00" * 50, b"\x1f\x8b\x08" + b"\x00" * 50,
        PLAIN[:-20], PLAIN + b"<again/>", bent(PLAIN, "UTF-8", "utf-7"),
        bent(PLAIN, "UTF-8", "no"),
        PLAIN.replace(b"Anna", b"\xff\xfe"), bent(PLAIN, "Anna", "&#0;"),
        bent(PLAIN, "Anna", "\x08"),
        PLAIN.replace(b"<Nm>Anna", b"<Nm>\xed\xa0\x80"),
    ],
)  # fmt: skip
def test_what_is_no_xml_is_refused_without_a_word_of_it(message: bytes) -> None:
    with pytest.raises(Unparsable) as found:
        take_in(message, 10)
    assert found.value.code == "xml_malformed"
    assert "Anna" not in str(found.value)


def test_the_hint_of_a_schema_is_passed_over_unread() -> None:
    hint = f'{XSI} xsi:schemaLocation="urn:x http://127.0.0.1:9/evil.xsd" xmlns="urn:iso'
    (one,) = take_in(bent(PLAIN, 'xmlns="urn:iso', hint), 10).transactions
    assert one.payment is not None


def test_supplementary_data_may_hold_anything_and_nothing_of_it_is_used() -> None:
    inner = "<evil xmlns='urn:e'><Dbtr><Nm>X</Nm></Dbtr></evil>"
    extra = f"<SplmtryData><Envlp>{inner}</Envlp></SplmtryData>"
    (one,) = take_in(bent(PLAIN, "</CdtTrfTxInf>", extra + "</CdtTrfTxInf>"), 10).transactions
    assert one.payment is not None
    assert b"Anna Muster" in one.payment


def test_too_many_schema_faults_refuse_the_whole() -> None:
    wrong = [transfer(number, amount="-1", debtor="D" * 141) for number in range(600)]
    with pytest.raises(PaywardenError) as found:
        take_in(pacs008(*wrong), 1_000)
    assert found.value.code == "iso20022_schema"


def test_elements_are_counted_against_what_transactions_need() -> None:
    for extra, code in ((1_000, "iso20022_schema"), (5_000, "xml_too_large")):
        message = bent(PLAIN, "<Dbtr>", "<a/>" * extra + "<Dbtr>")
        try:
            (one,) = take_in(message, 10).transactions
        except PaywardenError as refusal:
            assert refusal.code == code
        else:
            assert one.refused is not None
            assert one.refused.code == code


async def test_a_body_full_of_elements_is_refused_within_the_memory_of_the_child(
    process: ReadingProcess,
) -> None:
    with pytest.raises(TooLarge):
        await process.take_in(bent(PLAIN, "<Dbtr>", "<a/>" * 1_000_000 + "<Dbtr>"), 500)
    just_below = pacs008(transfer(), "<a/>" * 98_000)
    with pytest.raises(PaywardenError) as found:
        await process.take_in(just_below, 500)
    assert found.value.code != "iso20022_ended"


@pytest_asyncio.fixture
async def process() -> AsyncIterator[ReadingProcess]:
    made = ReadingProcess()
    yield made
    await made.close()


async def test_the_child_starts_late_and_answers_and_refuses_alike(process: ReadingProcess) -> None:
    assert process._process is None
    assert await process.take_in(PLAIN, 10) == take_in(PLAIN, 10)
    with pytest.raises(PaywardenError) as found:
        await process.take_in(HOSTILE["billion laughs"], 10)
    assert (found.value.code, found.value.pointer) == ("xml_refused", "line:1")
    assert await process.take_in(PLAIN, 10) == take_in(PLAIN, 10)


async def test_a_child_that_dies_is_replaced(process: ReadingProcess) -> None:
    await process.take_in(PLAIN, 10)
    assert process._process is not None
    process._process.kill()
    await process._process.wait()
    assert await process.take_in(PLAIN, 10) == take_in(PLAIN, 10)


async def test_a_reader_that_hangs_ends_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "hanging_reader.py").write_text("import time\ntime.sleep(600)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    process = ReadingProcess(deadline_seconds=1.0, child="hanging_reader")
    with pytest.raises(Unavailable) as found:
        await process.take_in(PLAIN, 10)
    assert found.value.code == "iso20022_ended"
    assert process._process is None


async def test_a_queue_of_messages_has_an_end(
    process: ReadingProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_process, "WAITING_LIMIT", 2)
    told = await asyncio.gather(
        *(process.take_in(PLAIN, 10) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(one, LimitExceeded) for one in told) == 3


async def test_one_who_gives_up_leaves_no_answer_to_the_next(process: ReadingProcess) -> None:
    waiting = asyncio.create_task(process.take_in(pacs008(*map(transfer, range(9))), 10))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await process.take_in(PLAIN, 10) == take_in(PLAIN, 10)


def test_a_strange_element_name_is_never_repeated() -> None:
    message = bent(PLAIN, "<Dbtr>", "<P4111111111111111/><Dbtr>")
    (one,) = take_in(message, 10).transactions
    assert one.refused is not None
    assert "4111" not in one.refused.pointer + one.refused.detail
    assert reading.place(reading.read_xml(b"<a4111><b/></a4111>")) == "/*"
