"""A bank file's way: over a real socket, decided once, told per transaction; and by the command."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from test_support_api import Server, problem

from iso20022_kit import UETR, batch, needs_schemas, order, pacs008, pain001, transfer

pytestmark = needs_schemas
PATH = "/v1/iso20022/decisions"


def send(server: Server, message: bytes, key: str = "operator") -> httpx.Response:
    headers = {"content-type": "application/xml"}
    return server.client(key).post(PATH, content=message, headers=headers)


def fresh(server: Server, number: int) -> dict[str, Any]:
    """A UETR of this run alone, and accounts that no other test pays from."""
    name = server.name("iso")
    digits = f"{abs(hash(name)) % 10**9:09d}{number:03d}"
    return {"uetr": f"7a562c67-ca16-48ba-b074-{digits}"}


def test_each_transfer_is_decided_once_and_told_in_order(server: Server) -> None:
    message = pacs008(
        transfer(1, **fresh(server, 1)),
        transfer(2, **fresh(server, 2), amount="6000.00"),
        transfer(3, **fresh(server, 3), amount="1.001"),
        message=server.name("M")[:35],
    )
    answer = send(server, message)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["message_type"], told["group_status"]) == ("pacs.008.001.08", "PART")
    small, large, wrong = told["items"]
    assert (small["status"], small["decision"]["outcome"]) == ("ACCP", "allow")
    assert large["decision"]["outcome"] in ("challenge", "review", "block")
    assert large["status"] in ("PDNG", "RJCT")
    assert (wrong["status"], wrong["status_reason"]) == ("RJCT", "AM12")
    assert wrong["code"] == "iso20022_amount"
    assert wrong["pointer"].endswith("CdtTrfTxInf[3]/IntrBkSttlmAmt")
    assert message.split(b"\n")[wrong["fault_line"] - 1].strip().startswith(b"<IntrBkSttlmAmt")
    again = send(server, message).json()
    assert [one.get("repeated", False) for one in again["items"]] == [True, True, False]
    assert [one["decision"]["id"] for one in again["items"][:2]] == [
        one["decision"]["id"] for one in told["items"][:2]
    ]


def test_the_record_holds_the_mapped_payment(server: Server) -> None:
    given = fresh(server, 1)
    (item,) = send(server, pacs008(transfer(1, **given))).json()["items"]
    shown = server.client().get(f"/v1/decisions/{item['decision']['id']}").json()["record"]
    assert shown["inputs"]["payment.amount_minor"] == 10_050
    assert item["decision"]["payment_id"] == given["uetr"]


def test_one_uetr_with_another_content_is_a_conflict_and_counts_nothing(server: Server) -> None:
    given = fresh(server, 1)
    send(server, pacs008(transfer(1, **given)))
    (item,) = send(server, pacs008(transfer(1, **given, amount="7"))).json()["items"]
    assert (item["status"], item["status_reason"]) == ("RJCT", "AM05")
    assert item["code"] == "attempt_conflict"


def test_a_card_number_in_a_text_is_refused_with_its_place(server: Server) -> None:
    texts = ("card 4111 1111 1111 1111",)
    (item,) = send(server, pacs008(transfer(1, **fresh(server, 1), texts=texts))).json()["items"]
    assert (item["code"], item["status"]) == ("card_number_not_accepted", "RJCT")
    assert item["pointer"].endswith("/CdtTrfTxInf/RmtInf")


@pytest.mark.parametrize(
    ("message", "status", "code"),
    [
        (b"{}", 400, "xml_malformed"),
        (b"<!DOCTYPE a><a/>", 422, "xml_refused"),
        (b"<a/>", 422, "iso20022_message_unknown"),
        (pacs008(transfer(), count=3), 422, "iso20022_count"),
        (pacs008(*[transfer(1, uetr=None)] * 501), 413, "xml_too_large"),
        (b" " * (4 * 1024 * 1024 + 1), 413, "body_too_large"),
    ],
)
def test_refusals_of_a_whole_message(
    server: Server, message: bytes, status: int, code: str
) -> None:
    problem(send(server, message), status, code)


def test_a_key_that_is_bound_to_a_merchant_sends_for_that_merchant(server: Server) -> None:
    message = pacs008(transfer(1, **fresh(server, 1)))
    (item,) = send(server, message, "merchant").json()["items"]
    record = server.client().get(f"/v1/decisions/{item['decision']['id']}").json()["record"]
    assert record["inputs"]["merchant.id"] == "m_42"
    (theirs,) = send(server, message, "other_merchant").json()["items"]
    assert theirs["code"] == "attempt_conflict", "another merchant learns nothing of a decision"


def test_other_tenants_and_environments_know_nothing_of_a_message(server: Server) -> None:
    message = pacs008(transfer(1, **fresh(server, 1)))
    own = send(server, message).json()["items"][0]
    for key in ("other_tenant", "live"):
        answer = send(server, message, key)
        if answer.status_code == 503:  # nothing decides there: nothing was looked up
            problem(answer, 503, "scope_not_ready" if key == "other_tenant" else "no_policy")
            continue
        (item,) = answer.json()["items"]
        assert not item.get("repeated", False)
        assert item["decision"]["id"] != own["decision"]["id"]


def test_without_a_key_nothing_is_read(server: Server) -> None:
    problem(send(server, b"<!DOCTYPE a><a/>", ""), 401, "key_missing")


def test_a_message_of_the_largest_count_is_decided_whole(server: Server) -> None:
    message = pacs008(*[transfer(n, uetr=None) for n in range(500)], message=server.name("L")[:35])
    answer = send(server, message)
    assert answer.status_code == 200
    assert len(answer.json()["items"]) == 500
    assert answer.json()["items"][499]["place"].endswith("[500]")


def command(server: Server, *words: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "paywarden.entrypoints.main", *words, "--json"],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_the_command_maps_and_decides_as_the_server_does(server: Server, tmp_path: Path) -> None:
    name = f"C{time.time_ns()}"
    message = pain001(
        batch(order(1), order(2, amount="1"), order(3, amount="0.001")), count=3, message=name
    )
    file, out, key = tmp_path / "file.xml", tmp_path / "out.jsonl", tmp_path / "key"
    file.write_bytes(message)
    key.write_text(server.keys["operator"])
    code, mapped = command(server, "iso20022", str(file), "--map", "--out", str(out))
    assert (code, mapped["mapped"], mapped["refused"]) == (1, 2, 1)
    assert mapped["problems"][0]["code"] == "iso20022_amount"
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["amount_minor"] for line in lines] == [250_000, 100]
    send(server, message)
    where = ("--server", server.url, "--key-file", str(key))
    code, decided = command(server, "iso20022", str(file), *where)
    assert (decided["repeated"], decided["refused"]) == (2, 1)
    assert UETR not in lines[0]["id"]
