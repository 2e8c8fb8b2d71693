"""ISO 20022 messages written by ourselves: small, whole, and easy to bend.

`pacs008(transfer(...), ...)` and `pain001(batch(order(...)))` give octets; `bent` replaces a text
in them, once.
"""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

import pytest

from paywarden.decision.iso20022.schemas import installed_schema

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:"
DEBTOR_IBAN, CREDITOR_IBAN = "DE89370400440532013000", "FR1420041010050500013M02606"
UETR = "7a562c67-ca16-48ba-b074-65581be6f00{}"

needs_schemas = pytest.mark.skipif(
    installed_schema("pacs.008.001.08") is None or installed_schema("pain.001.001.09") is None,
    reason="the schemas of ISO 20022 are not installed",
)


def transfer(number: int = 1, **given: Any) -> str:
    """A CdtTrfTxInf of pacs.008. `given`: amount, currency, uetr, debtor, creditor, texts, ..."""
    uetr = given.get("uetr", UETR.format(number))
    texts = given.get("texts", (f"Invoice {number}",))
    remittance = "".join(f"<Ustrd>{escape(text)}</Ustrd>" for text in texts)
    return f"""
    <CdtTrfTxInf>
      <PmtId>
        <InstrId>IN-{number}</InstrId>
        <EndToEndId>{escape(given.get("end_to_end", f"E2E-{number}"))}</EndToEndId>
        <TxId>TX-{number}</TxId>
        {f"<UETR>{uetr}</UETR>" if uetr else ""}
      </PmtId>
      <PmtTpInf><InstrPrty>HIGH</InstrPrty><SvcLvl><Cd>SEPA</Cd></SvcLvl></PmtTpInf>
      <IntrBkSttlmAmt Ccy="{given.get("currency", "EUR")}">{given.get("amount", "100.50")}</IntrBkSttlmAmt>
      <IntrBkSttlmDt>2026-11-25</IntrBkSttlmDt>
      <ChrgBr>SHAR</ChrgBr>
      <UltmtDbtr><Nm>Ursula Urheberin</Nm></UltmtDbtr>
      <Dbtr>
        <Nm>{escape(given.get("debtor", "Anna Muster"))}</Nm>
        <PstlAdr><StrtNm>Weg</StrtNm><BldgNb>7</BldgNb><PstCd>10115</PstCd><TwnNm>Berlin</TwnNm><Ctry>DE</Ctry></PstlAdr>
        <Id><PrvtId><DtAndPlcOfBirth><BirthDt>1980-02-29</BirthDt><CityOfBirth>Bonn</CityOfBirth><CtryOfBirth>DE</CtryOfBirth></DtAndPlcOfBirth></PrvtId></Id>
      </Dbtr>
      <DbtrAcct><Id><IBAN>{given.get("debtor_iban", DEBTOR_IBAN)}</IBAN></Id></DbtrAcct>
      <DbtrAgt><FinInstnId><BICFI>COBADEFFXXX</BICFI></FinInstnId></DbtrAgt>
      <CdtrAgt><FinInstnId><BICFI>BNPAFRPPXXX</BICFI></FinInstnId></CdtrAgt>
      <Cdtr><Nm>{escape(given.get("creditor", "Jean Exemple"))}</Nm></Cdtr>
      <CdtrAcct>{given.get("creditor_account", f"<Id><IBAN>{CREDITOR_IBAN}</IBAN></Id>")}</CdtrAcct>
      <UltmtCdtr><Nm>Ulysse Ultime</Nm><CtryOfRes>FR</CtryOfRes></UltmtCdtr>
      <Purp><Cd>SALA</Cd></Purp>
      <RmtInf>{remittance}</RmtInf>
    </CdtTrfTxInf>"""  # noqa: E501


def pacs008(*transfers: str, version: str = "08", **given: Any) -> bytes:
    """A whole pacs.008. `given`: message, count, sender, created."""
    sender = given.get("sender", "DEUTDEFF")
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="{NAMESPACE}pacs.008.001.{version}">
  <FIToFICstmrCdtTrf>
    <GrpHdr>
      <MsgId>{given.get("message", "MSG-1")}</MsgId>
      <CreDtTm>{given.get("created", "2026-11-25T10:00:00+01:00")}</CreDtTm>
      <NbOfTxs>{given.get("count", len(transfers))}</NbOfTxs>
      <SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf>
      <InstgAgt><FinInstnId><BICFI>{sender}</BICFI></FinInstnId></InstgAgt>
    </GrpHdr>{"".join(transfers)}
  </FIToFICstmrCdtTrf>
</Document>""".encode()


def order(number: int = 1, **given: Any) -> str:
    """A CdtTrfTxInf of pain.001."""
    bank = given.get("bank", "BICFI")
    amount = given.get("amount", "2500.00")
    inner = given.get(
        "inner", f'<InstdAmt Ccy="{given.get("currency", "EUR")}">{amount}</InstdAmt>'
    )
    return f"""
      <CdtTrfTxInf>
        <PmtId><EndToEndId>{escape(given.get("end_to_end", f"PAY-{number}"))}</EndToEndId></PmtId>
        <Amt>{inner}</Amt>
        <CdtrAgt><FinInstnId><{bank}>BNPAFRPPXXX</{bank}></FinInstnId></CdtrAgt>
        <Cdtr><Nm>{escape(given.get("creditor", "Jean Exemple"))}</Nm><PstlAdr><Ctry>FR</Ctry></PstlAdr></Cdtr>
        <CdtrAcct><Id><IBAN>{CREDITOR_IBAN}</IBAN></Id></CdtrAcct>
        <RmtInf><Ustrd>Wages {number}</Ustrd></RmtInf>
      </CdtTrfTxInf>"""  # noqa: E501


def batch(*orders: str, number: int = 1, old: bool = False, **given: Any) -> str:
    """A PmtInf. `old`: as .03 writes days and banks."""
    day = "2026-11-27" if old else "<Dt>2026-11-27</Dt>"
    bank = "BIC" if old else "BICFI"
    total = f"<CtrlSum>{given['total']}</CtrlSum>" if "total" in given else ""
    return f"""
    <PmtInf>
      <PmtInfId>BATCH-{number}</PmtInfId>
      <PmtMtd>{given.get("method", "TRF")}</PmtMtd>
      <NbOfTxs>{given.get("count", len(orders))}</NbOfTxs>{total}
      <PmtTpInf><InstrPrty>NORM</InstrPrty><CtgyPurp><Cd>SALA</Cd></CtgyPurp></PmtTpInf>
      <ReqdExctnDt>{day}</ReqdExctnDt>
      <Dbtr><Nm>Muster GmbH</Nm><Id><OrgId><Othr><Id>HRB 4711</Id></Othr></OrgId></Id></Dbtr>
      <DbtrAcct><Id><IBAN>{given.get("debtor_iban", DEBTOR_IBAN)}</IBAN></Id></DbtrAcct>
      <DbtrAgt><FinInstnId><{bank}>COBADEFFXXX</{bank}></FinInstnId></DbtrAgt>
      <UltmtDbtr><Nm>Holding AG</Nm></UltmtDbtr>
      <ChrgBr>SLEV</ChrgBr>{"".join(orders)}
    </PmtInf>"""


def pain001(*batches: str, version: str = "09", count: int = 1, **given: Any) -> bytes:
    """A whole pain.001 of `count` orders. `given`: message, total."""
    total = f"<CtrlSum>{given['total']}</CtrlSum>" if "total" in given else ""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="{NAMESPACE}pain.001.001.{version}">
  <CstmrCdtTrfInitn>
    <GrpHdr>
      <MsgId>{given.get("message", "INIT-1")}</MsgId>
      <CreDtTm>2026-11-25T08:15:30.25</CreDtTm>
      <NbOfTxs>{count}</NbOfTxs>{total}
      <InitgPty><Nm>Muster GmbH</Nm></InitgPty>
    </GrpHdr>{"".join(batches)}
  </CstmrCdtTrfInitn>
</Document>""".encode()


def bent(message: bytes, before: str, after: str) -> bytes:
    """The message with one text replaced once."""
    assert before.encode() in message
    return message.replace(before.encode(), after.encode(), 1)
