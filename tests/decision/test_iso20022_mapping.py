"""Messages become payments, field by field; what cannot is refused at its place."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from iso20022_kit import (
    CREDITOR_IBAN,
    DEBTOR_IBAN,
    UETR,
    batch,
    bent,
    needs_schemas,
    order,
    pacs008,
    pain001,
    transfer,
)
from paywarden.core.errors import InvalidRequest, PaywardenError, TooLarge, Unavailable
from paywarden.decision.iso20022 import checking
from paywarden.decision.iso20022.model import TakenIn, Transaction
from paywarden.decision.iso20022.parts import instant, minor_units
from paywarden.decision.iso20022.taking_in import take_in
from paywarden.decision.messages import Payment

pytestmark = needs_schemas


def taken(octets: bytes) -> TakenIn:
    return take_in(octets, 500)


def payment(one: Transaction) -> Payment:
    assert one.payment is not None, one.refused
    return msgspec.msgpack.decode(one.payment, type=Payment)


def refused(one: Transaction) -> tuple[str, str]:
    assert one.refused is not None
    return one.refused.code, one.refused.pointer.rpartition("/CdtTrfTxInf")[2]


def whole_refusal(octets: bytes) -> PaywardenError:
    with pytest.raises(PaywardenError) as found:
        taken(octets)
    return found.value


@pytest.mark.parametrize("version", ["08", "09", "10", "11", "12", "13"])
def test_a_transfer_between_banks_field_by_field(version: str) -> None:
    message = taken(pacs008(transfer(), version=version))
    assert (message.kind, message.message_id) == (f"pacs.008.001.{version}", "MSG-1")
    (one,) = message.transactions
    assert (one.place, one.line) == ("/Document/FIToFICstmrCdtTrf/CdtTrfTxInf", 11)
    assert (one.end_to_end_id, one.transaction_id) == ("E2E-1", "TX-1")
    made = payment(one)
    assert made.id == one.uetr == UETR.format(1)
    assert (made.type, made.phase, made.channel) == ("transfer", "pre_auth", "api")
    assert (made.amount_minor, made.currency) == (10_050, "EUR")
    assert made.occurred_at == datetime(2026, 11, 25, 9, tzinfo=UTC)
    assert made.payer is not None
    assert made.payer.id == DEBTOR_IBAN
    assert (made.payer.name, made.payer.country) == ("Anna Muster", "DE")
    assert made.payer.birth_date == date(1980, 2, 29)
    assert made.payee is not None
    assert (made.payee.name, made.payee.account) == ("Jean Exemple", CREDITOR_IBAN)
    assert made.payee.country == "FR", "an IBAN names the country where the party says none"
    assert made.instrument is not None
    assert (made.instrument.kind, made.instrument.reference) == ("account", DEBTOR_IBAN)
    assert made.billing_address is not None
    assert made.billing_address.line1 == "Weg 7"
    assert made.remittance_information == "Invoice 1"
    assert made.metadata == {
        "debtor_agent": "COBADEFFXXX", "creditor_agent": "BNPAFRPPXXX",
        "settlement_date": "2026-11-25", "message_id": "MSG-1", "end_to_end_id": "E2E-1",
        "instruction_id": "IN-1", "transaction_id": "TX-1", "priority": "HIGH",
        "service_level": "SEPA", "charge_bearer": "SHAR", "purpose": "SALA",
        "ultimate_debtor": "Ursula Urheberin", "ultimate_creditor": "Ulysse Ultime",
        "ultimate_creditor_country": "FR",
    }  # fmt: skip


@pytest.mark.parametrize("version", ["03", "09", "10", "11"])
def test_orders_of_a_customer_take_what_their_batch_says(version: str) -> None:
    old = version == "03"
    bank = {"bank": "BIC"} if old else {}
    first = batch(order(1, **bank), order(2, amount="10", **bank), old=old, total="2510")
    second = batch(order(1, **bank), number=2, old=old)
    message = taken(pain001(first, second, version=version, count=3, total="5010.000"))
    made = [payment(one) for one in message.transactions]
    assert [one.amount_minor for one in made] == [250_000, 1_000, 250_000]
    assert len({one.id for one in made}) == 3
    assert made[0].id.startswith("INIT-1/BATCH-1/PAY-1@")
    assert made[0].occurred_at == datetime(2026, 11, 25, 8, 15, 30, 250_000, tzinfo=UTC)
    assert made[0].payer is not None
    assert (made[0].payer.id, made[0].payer.name) == (DEBTOR_IBAN, "Muster GmbH")
    assert made[0].metadata is not None
    wanted = {
        "batch_id": "BATCH-1", "execution_date": "2026-11-27", "category_purpose": "SALA",
        "priority": "NORM", "charge_bearer": "SLEV", "ultimate_debtor": "Holding AG",
        "debtor_identifiers": "ID:HRB 4711", "payment_method": "TRF",
    }  # fmt: skip
    assert wanted.items() <= made[0].metadata.items()


def test_the_same_file_names_the_same_payments_and_another_sender_others() -> None:
    def ids(**given: Any) -> list[str]:
        found = taken(pacs008(transfer(1, uetr=None), transfer(2, uetr=None), **given))
        return [payment(one).id for one in found.transactions]

    assert ids() == ids()
    assert ids()[0].startswith("MSG-1/TX-1@")
    assert not set(ids()) & set(ids(sender="BARCGB22"))
    assert not set(ids()) & set(ids(message="MSG-2"))


def test_equal_names_within_a_message_stay_two_payments_but_an_equal_uetr_is_refused() -> None:
    same = batch(order(1), order(1, amount="1"))
    first, second = (payment(one).id for one in taken(pain001(same, count=2)).transactions)
    assert second == first + "#2"
    again = pacs008(transfer(1), transfer(2, uetr=UETR.format(1)))
    one, two = taken(again).transactions
    assert payment(one).id == UETR.format(1)
    assert refused(two) == ("iso20022_repeated", "[2]/PmtId/UETR")


def test_an_account_without_iban_is_named_with_its_bank() -> None:
    other = "<Id><Othr><Id>1234567</Id></Othr></Id>"
    (one,) = taken(pacs008(transfer(creditor_account=other))).transactions
    made = payment(one)
    assert made.payee is not None
    assert made.payee.account == "BNPAFRPPXXX/1234567"
    assert made.payee.country is None, "a number says nothing of a country"


def test_an_equivalent_amount_is_the_money_that_leaves_the_debtor() -> None:
    inner = '<EqvtAmt><Amt Ccy="EUR">70.01</Amt><CcyOfTrf>USD</CcyOfTrf></EqvtAmt>'
    (one,) = taken(pain001(batch(order(inner=inner)), total="70.01")).transactions
    made = payment(one)
    assert (made.amount_minor, made.currency) == (7_001, "EUR")
    assert made.metadata is not None
    assert made.metadata["transfer_currency"] == "USD"


def test_all_of_the_remittance_is_kept_and_what_does_not_fit_is_refused_not_cut() -> None:
    texts = ("first", "second " * 19)
    (one,) = taken(pacs008(transfer(texts=texts))).transactions
    assert payment(one).remittance_information == "first / " + ("second " * 19).strip()
    (long,) = taken(pacs008(transfer(texts=["x" * 140] * 8))).transactions
    assert refused(long) == ("iso20022_field", "/RmtInf")


@pytest.mark.parametrize(
    ("given", "code", "below"),
    [
        ({"debtor_iban": "DE88370400440532013000"}, "iban_invalid", "/DbtrAcct/Id/IBAN"),
        ({"debtor_iban": "DE8937040044053201300"}, "iban_invalid", "/DbtrAcct/Id/IBAN"),
        ({"debtor_iban": "89370400440532013000"}, "iso20022_schema", "/DbtrAcct/Id/IBAN"),
        ({"amount": "1.234"}, "iso20022_amount", "/IntrBkSttlmAmt"),
        ({"amount": "1.2", "currency": "JPY"}, "iso20022_amount", "/IntrBkSttlmAmt"),
        ({"amount": "99999999999999999"}, "iso20022_amount", "/IntrBkSttlmAmt"),
        ({"amount": "-1"}, "iso20022_schema", "/IntrBkSttlmAmt"),
        ({"amount": "NaN"}, "iso20022_schema", "/IntrBkSttlmAmt"),
        ({"currency": "XAU"}, "currency_unknown", "/IntrBkSttlmAmt"),
        ({"currency": "DEM"}, "currency_unknown", "/IntrBkSttlmAmt"),
        ({"currency": "eur"}, "iso20022_schema", "/IntrBkSttlmAmt"),
        ({"end_to_end": "E" * 36}, "iso20022_schema", "/PmtId/EndToEndId"),
        ({"creditor": "N" * 141}, "iso20022_schema", "/Cdtr/Nm"),
    ],
)
def test_a_wrong_transaction_is_refused_alone_at_its_place(
    given: dict[str, Any], code: str, below: str
) -> None:
    good, wrong, last = taken(pacs008(transfer(1), transfer(2, **given), transfer(3))).transactions
    assert payment(good).amount_minor == payment(last).amount_minor == 10_050
    assert wrong.payment is None
    assert refused(wrong) == (code, "[2]" + below)
    assert wrong.refused is not None
    assert wrong.refused.line > wrong.line


def test_a_schema_fault_tells_what_was_expected_and_never_what_stood_there() -> None:
    message = bent(pacs008(transfer()), "<ChrgBr>SHAR</ChrgBr>", "<Secret4111>x</Secret4111>")
    (one,) = taken(message).transactions
    assert one.refused is not None
    assert "ChrgBr" in one.refused.detail
    assert "Secret" not in one.refused.detail + one.refused.pointer
    assert one.refused.line == 21


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (bent(pacs008(transfer()), "<MsgId>MSG-1</MsgId>", ""), "iso20022_schema"),
        (pacs008(transfer(), message="M" * 36), "iso20022_schema"),
        (pacs008(transfer(), count=2), "iso20022_count"),
        (pain001(batch(order(), count=7)), "iso20022_count"),
        (pain001(batch(order(), total="1")), "iso20022_control_sum"),
        (pain001(batch(order()), total="2500.01"), "iso20022_control_sum"),
        (pacs008(transfer(), message="4111111111111111"), "card_number_not_accepted"),
        (pacs008(transfer(), version="01"), "iso20022_message_unknown"),
        (bent(pacs008(transfer()), "tech:xsd:pacs", "tech:xsd:evil"), "iso20022_message_unknown"),
        (b"<Document/>", "iso20022_message_unknown"),
        (pacs008(transfer(), created="9999-12-31T23:59:59-14:00"), "iso20022_instant"),
    ],
)
def test_a_message_that_contradicts_itself_is_refused_whole(message: bytes, code: str) -> None:
    found = whole_refusal(message)
    assert isinstance(found, InvalidRequest)
    assert found.code == code
    assert found.pointer is not None


def test_more_transactions_than_asked_for_are_refused() -> None:
    with pytest.raises(TooLarge, match="over 1 transactions"):
        take_in(pacs008(transfer(1), transfer(2)), 1)


def test_a_document_within_an_envelope_is_taken_and_two_are_not() -> None:
    inner = pacs008(transfer()).split(b"?>", 1)[1]
    enveloped = b"<Envelope><AppHdr><From/></AppHdr>" + inner + b"</Envelope>"
    (one,) = taken(enveloped).transactions
    assert payment(one).id == UETR.format(1)
    twice = b"<Envelope>" + inner + inner + b"</Envelope>"
    assert whole_refusal(twice).code == "iso20022_message_unknown"


def test_a_cheque_is_no_transfer() -> None:
    (one,) = taken(pain001(batch(order(), method="CHK"))).transactions
    assert refused(one) == ("iso20022_cheque", "")


def test_identifications_that_look_like_card_numbers_are_not_repeated() -> None:
    (one,) = taken(pacs008(transfer(end_to_end="4111111111111111"))).transactions
    assert one.end_to_end_id is None
    assert "end_to_end_id" not in (payment(one).metadata or {})


def test_without_the_schema_nothing_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    checking._schema.cache_clear()
    monkeypatch.setattr(checking, "installed_schema", lambda _kind: None)
    with pytest.raises(Unavailable, match="extra `iso20022`"):
        taken(pacs008(transfer()))
    checking._schema.cache_clear()


@pytest.mark.parametrize(
    ("said", "code", "minor"),
    [
        ("0", "EUR", 0), ("0.01", "EUR", 1), (".5", "EUR", 50), ("7.", "EUR", 700),
        ("+3.10", "EUR", 310), (" 5 ", "EUR", 500), ("1.234", "KWD", 1_234), ("9", "JPY", 9),
        ("9.000", "JPY", 9), ("90071992547409.91", "EUR", 9_007_199_254_740_991),
    ],
)  # fmt: skip
def test_amounts_are_exact(said: str, code: str, minor: int) -> None:
    assert minor_units(said, code) == minor


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("2026-11-25T10:00:00Z", datetime(2026, 11, 25, 10, tzinfo=UTC)),
        ("2026-11-25T10:00:00", datetime(2026, 11, 25, 10, tzinfo=UTC)),
        ("2026-11-25T10:00:00.1234567-05:00", datetime(2026, 11, 25, 15, 0, 0, 123_456, UTC)),
        ("2026-02-30T10:00:00Z", None), ("0001-01-01T00:00:00+14:00", None),
        ("2026-11-25", None), ("", None), (None, None), ("-2026-11-25T10:00:00Z", None),
    ],
)  # fmt: skip
def test_instants(said: str | None, wanted: datetime | None) -> None:
    assert instant(said) == wanted
