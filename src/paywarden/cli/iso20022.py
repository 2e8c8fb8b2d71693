"""`paywarden iso20022 FILE`: the credit transfers of a message, mapped here, decided by a server.

Guards: the file is read and held against its schema here, as the server would do it, so ids and
payments are the same by either way; what was decided before is repeated and counts nothing, hence
a broken run is simply run again. Refused transactions are named by element and line. Exit code 1
when some were refused or blocked. With `--map` nothing leaves the machine.
Not done here: reading and mapping (`paywarden.decision.iso20022`), deciding (the server).
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec

from paywarden.cli import output, server
from paywarden.core.errors import InvalidRequest, TooLarge
from paywarden.decision.iso20022.model import TakenIn, Transaction
from paywarden.decision.iso20022.taking_in import take_in
from paywarden.decision.messages import Payment

BATCH = 500
FILE_LIMIT = 64 << 20
MOST_TRANSACTIONS = 10_000
SHOWN = 20
_STATES = ("allow", "challenge", "review", "block", "repeated", "refused")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `iso20022`."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a pacs.008 or pain.001 message")
    parser.add_argument("--map", action="store_true", help="map only: decide nothing, ask nobody")
    parser.add_argument("--out", type=Path, metavar="OUT", help="payments as JSON lines")
    parser.add_argument("--merchant", metavar="ID", help="the merchant that sends the transfers")
    server.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Map the file and have it decided. Errors: PaywardenError, for the caller to tell."""
    taken = take_in(_octets(arguments.file), MOST_TRANSACTIONS)
    payments = list(_payments(taken, arguments.merchant))
    if arguments.out is not None:
        lines = b"".join(msgspec.json.encode(payment) + b"\n" for _, payment in payments)
        arguments.out.write_bytes(lines)
    told: Counter[str] = Counter()
    problems = [_problem(one) for one in taken.transactions if one.refused is not None]
    told["refused"] = len(problems)
    if not arguments.map:
        with server.connected(arguments) as http:
            for batch in _batches(payments):
                _decide(http, batch, told, problems)
    document = _document(taken, told, problems, mapped=len(payments), decided=not arguments.map)
    output.answer(arguments, document, _words(document))
    return output.NOT_SO if told["refused"] or told["block"] else output.DONE


def _octets(path: Path) -> bytes:
    try:
        if path.stat().st_size > FILE_LIMIT:
            raise TooLarge("file_too_large", f"over {FILE_LIMIT} bytes", pointer=str(path))
        return path.read_bytes()
    except OSError:
        raise InvalidRequest("file_unreadable", "cannot be read", pointer=str(path)) from None


def _payments(taken: TakenIn, merchant: str | None) -> Iterator[tuple[Transaction, dict[str, Any]]]:
    for one in taken.transactions:
        if one.payment is None:
            continue
        payment = msgspec.msgpack.decode(one.payment, type=Payment)
        body: dict[str, Any] = msgspec.to_builtins(payment)
        if merchant is not None:
            body["merchant"] = {"id": merchant}
        yield one, body


def _batches(
    payments: list[tuple[Transaction, dict[str, Any]]],
) -> Iterator[list[tuple[Transaction, dict[str, Any]]]]:
    for start in range(0, len(payments), BATCH):
        yield payments[start : start + BATCH]


def _decide(
    http: httpx.Client,
    batch: list[tuple[Transaction, dict[str, Any]]],
    told: Counter[str],
    problems: list[dict[str, Any]],
) -> None:
    body = {"payments": [payment for _, payment in batch]}
    items = server.asked(http, "POST", "/v1/decisions/batch", body)["items"]
    for (one, _), item in zip(batch, items, strict=True):
        decision = item.get("decision")
        if decision is None:
            told["refused"] += 1
            problem = {"code": item["code"], "detail": item["detail"]}
            problems.append({"place": one.place, "line": one.line, **problem})
            continue
        told[decision["outcome"]] += 1
        told["repeated"] += bool(item.get("repeated"))


def _problem(one: Transaction) -> dict[str, Any]:
    assert one.refused is not None
    refused = one.refused
    return {
        "place": refused.pointer,
        "line": refused.line,
        "code": refused.code,
        "detail": refused.detail,
    }


def _document(
    taken: TakenIn,
    told: Counter[str],
    problems: list[dict[str, Any]],
    *,
    mapped: int,
    decided: bool,
) -> dict[str, Any]:
    return {
        "message_type": taken.kind,
        "message_id": taken.message_id,
        "created_at": taken.created_at,
        "transactions": len(taken.transactions),
        "mapped": mapped,
        "decided": decided,
        **{state: told[state] for state in _STATES},
        "problems": problems,
    }


def _words(document: dict[str, Any]) -> str:
    head = "{message_type} {message_id}: {transactions} transactions, {mapped} mapped"
    lines = [head.format(**document)]
    if document["decided"]:
        lines.append(", ".join(f"{document[state]} {state}" for state in _STATES))
    problems = document["problems"]
    lines += [
        f"line {one['line']}: {one['place']}: {one['detail']} [{one['code']}]"
        for one in problems[:SHOWN]
    ]
    if len(problems) > SHOWN:
        lines.append(f"and {len(problems) - SHOWN} more (--json lists all)")
    return "\n".join(lines)
