"""`paywarden aml customers` and `aml exposure`: customer risk on a running server.

Guards: facts come from files, never from the command line, where others and the shell's history
could see them; a file is read and checked whole before the first customer is sent, and what the
server refuses is named with its row. Exit code 1 when rows were refused, when reviews are overdue
(`calendar`), or when an exposure is not known.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx

from paywarden.aml.customer_risk.file_import import Row, batches, read_rows
from paywarden.cli import output, server
from paywarden.cli.aml_reach import connected, reach, text_of
from paywarden.core.errors import InvalidRequest, NotFound

PARTS: Final = ("customers", "exposure")
SHOWN: Final = 20
ROOT: Final = "/v1/aml/customers"
Act = Callable[[argparse.Namespace, httpx.Client], int]


def add_parts(parts: Any) -> None:
    """Arguments of `customers` and `exposure`."""
    customers = parts.add_parser("customers", help="facts, levels, overrides, reviews")
    _customers(customers.add_subparsers(dest="task", required=True, metavar="TASK"))
    exposed = parts.add_parser("exposure", help="what a merchant could come to owe")
    exposed.add_argument("merchant", metavar="MERCHANT")
    exposed.add_argument("--mcc", default="", help="merchant category code, for the delay")
    exposed.set_defaults(act=_exposure)
    reach(exposed)


def _customers(tasks: Any) -> None:
    def task(name: str, text: str, act: Act, *, one: bool = True) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = tasks.add_parser(name, help=text, description=text)
        if one:
            made.add_argument("customer", metavar="CUSTOMER")
        made.set_defaults(act=act)
        reach(made)
        return made

    put = task("put", "send one customer's facts", _put)
    put.add_argument("--facts", type=Path, required=True, metavar="FILE", help="JSON")
    bulk = task("import", "send a file of customers", _import, one=False)
    bulk.add_argument("file", type=Path, metavar="FILE", help="JSON lines, or CSV with a header")
    bulk.add_argument("--dry-run", action="store_true", help="check every row, send nothing")
    task("show", "a customer with the explanation", _show)
    task("history", "every assessment of a customer", _history)
    listed = task("list", "customers by level or what waits", _list, one=False)
    listed.add_argument("--level", choices=("low", "medium", "high", "prohibited"))
    listed.add_argument("--waiting", choices=("review", "diligence", "override"))
    task("calendar", "customers by level, overdue reviews", _calendar, one=False)
    over = task("override", "set a level in place of the model's", _override)
    over.add_argument("--level", required=True, choices=("low", "medium", "high", "prohibited"))
    over.add_argument("--days", type=int, required=True)
    over.add_argument("--reason", required=True)
    end = task("end-override", "let the model's level count again", _end_override)
    end.add_argument("--reason", required=True)
    task("review", "say that a customer was reviewed", _review).add_argument(
        "--note", required=True
    )
    done = task("diligence", "say that an item of diligence is done", _diligence)
    done.add_argument("--item", required=True)
    done.add_argument("--state", choices=("open", "done", "not_needed"), default="done")
    done.add_argument("--note", default="")


def run(arguments: argparse.Namespace) -> int:
    """Run the task that was asked for. Errors: PaywardenError, for the caller to tell."""
    if arguments.act is _import and arguments.dry_run:
        return _dry_run(arguments)
    act: Act = arguments.act
    with connected(arguments) as http:
        return act(arguments, http)


def _one(arguments: argparse.Namespace) -> str:
    return f"{ROOT}/{quote(arguments.customer, safe='')}"


def _put(arguments: argparse.Namespace, http: httpx.Client) -> int:
    try:
        given = json.loads(text_of(arguments.facts))
    except ValueError:
        raise InvalidRequest(
            "facts_file_invalid", "write one JSON object", pointer=str(arguments.facts)
        ) from None
    return _told(arguments, server.asked(http, "PUT", _one(arguments), given))


def _import(arguments: argparse.Namespace, http: httpx.Client) -> int:
    rows = read_rows(arguments.file)
    sent, levels, problems = 0, dict[str, int](), list[dict[str, Any]]()
    for batch in batches(rows):
        found = _sent(http, batch, problems)
        sent += len(found)
        for one in found:
            levels[one["level"]] = levels.get(one["level"], 0) + 1
    document = {"rows": len(rows), "sent": sent, "levels": levels, "refused": len(problems),
                "problems": problems[:SHOWN]}  # fmt: skip
    words = [f"{sent} of {len(rows)} customers: " + _counts(levels)]
    words += [f"row {one['row']}: {one['detail']} [{one['code']}]" for one in problems[:SHOWN]]
    output.answer(arguments, document, "\n".join(words))
    return output.NOT_SO if problems else output.DONE


def _sent(
    http: httpx.Client, batch: list[Row], problems: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Send a batch; when the server refuses it, one by one, so that one bad row stops no other."""
    body = {"customers": [{"customer": one.customer, "form": one.form} for one in batch]}
    try:
        return list(server.asked(http, "POST", ROOT, body)["customers"])
    except (InvalidRequest, NotFound) as refusal:
        if len(batch) == 1:
            problems.append({"row": batch[0].row, "code": refusal.code, "detail": refusal.detail})
            return []
    return [found for one in batch for found in _sent(http, [one], problems)]


def _dry_run(arguments: argparse.Namespace) -> int:
    rows = read_rows(arguments.file)
    document = {"dry_run": True, "rows": len(rows)}
    output.answer(arguments, document, f"{len(rows)} rows, every one is good")
    return output.DONE


def _show(arguments: argparse.Namespace, http: httpx.Client) -> int:
    return _told(arguments, server.asked(http, "GET", _one(arguments)))


def _history(arguments: argparse.Namespace, http: httpx.Client) -> int:
    found = server.asked(http, "GET", _one(arguments) + "/history?limit=50")
    lines = [
        f"{one['number']:>4}  {one['at'][:19]}  {one['cause']:<14} {one['level']:<10} "
        f"{one['score']:>3}  {one['by']}"
        for one in found["items"]
    ]
    output.answer(arguments, found, "\n".join(lines))
    return output.DONE


def _list(arguments: argparse.Namespace, http: httpx.Client) -> int:
    items: list[dict[str, Any]] = []
    query = {name: getattr(arguments, name) for name in ("level", "waiting")}
    asked = {"limit": "100", **{k: v for k, v in query.items() if v}}
    while True:
        page = server.asked(http, "GET", f"{ROOT}?{urlencode(asked)}")
        items += page["items"]
        if not page["has_more"]:
            break
        asked["after"] = page["next"]
    lines = [
        f"{one['customer'] or '(erased)':<30} {one['kind']:<8} {one['level']:<10} "
        f"{one['score']:>3}  review {one['review_due_at'][:10]}"
        f"{'  OVERDUE' if one['overdue'] else ''}"
        f"{'  diligence: ' + str(one['diligence_open']) if one['diligence_open'] else ''}"
        f"{'  overridden' if one['overridden'] else ''}"
        for one in items
    ]
    output.answer(arguments, {"items": items}, "\n".join(lines) or "nobody")
    return output.DONE


def _calendar(arguments: argparse.Namespace, http: httpx.Client) -> int:
    found = server.asked(http, "GET", "/v1/aml/calendar")
    words = [
        _counts(found["by_level"]),
        f"{found['reviews_overdue']} reviews overdue, {found['high_without_diligence']} of high "
        f"risk without finished diligence, {found['overridden']} overridden",
    ]
    words += [f"old table of the model: {name}" for name in found["stale_tables"]]
    output.answer(arguments, found, "\n".join(words))
    return output.NOT_SO if found["reviews_overdue"] else output.DONE


def _override(arguments: argparse.Namespace, http: httpx.Client) -> int:
    body = {"level": arguments.level, "days": arguments.days, "reason": arguments.reason}
    return _told(arguments, server.asked(http, "POST", _one(arguments) + "/override", body))


def _end_override(arguments: argparse.Namespace, http: httpx.Client) -> int:
    body = {"reason": arguments.reason}
    return _told(arguments, server.asked(http, "POST", _one(arguments) + "/override/end", body))


def _review(arguments: argparse.Namespace, http: httpx.Client) -> int:
    body = {"note": arguments.note}
    return _told(arguments, server.asked(http, "POST", _one(arguments) + "/review", body))


def _diligence(arguments: argparse.Namespace, http: httpx.Client) -> int:
    body = {"item": arguments.item, "state": arguments.state, "note": arguments.note}
    return _told(arguments, server.asked(http, "POST", _one(arguments) + "/diligence", body))


def _told(arguments: argparse.Namespace, found: Mapping[str, Any]) -> int:
    waits = "summary" not in found
    words = f"waits for approval {found['id']}" if waits else customer_lines(found)
    output.answer(arguments, found, words)
    return output.DONE


def customer_lines(found: Mapping[str, Any]) -> str:
    """A customer for a reader at a terminal."""
    one = found["summary"]
    lines = [
        f"{one['customer'] or '(erased)'}: {one['level']}, {one['score']} points"
        + ("" if one["level"] == found["model_level"] else f" (the model says "
                                                          f"{found['model_level']})"),
    ]  # fmt: skip
    for line in found["explanation"]:
        least = f"  at least {line['at_least']}" if "at_least" in line else ""
        lines.append(f"  {line['points']:>4}  {line['factor']:<24} {line['says']}{least}")
    if found["override"]:
        over = found["override"]
        lines.append(f"override by {over['by']} until {over['until'][:10]}: {over['reason']}")
    lines.append(f"review due {one['review_due_at'][:10]}{' OVERDUE' if one['overdue'] else ''}")
    lines += [f"  [{item['state']}] {item['item']}: {item['text']}" for item in found["diligence"]]
    return "\n".join(lines)


def _counts(levels: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {level}" for level, count in levels.items()) or "none"


def _exposure(arguments: argparse.Namespace, http: httpx.Client) -> int:
    merchant = quote(arguments.merchant, safe="")
    query = f"?mcc={quote(arguments.mcc, safe='')}" if arguments.mcc else ""
    found = server.asked(http, "GET", f"/v1/aml/merchants/{merchant}/exposure{query}")
    if not found["known"]:
        words = "not known; the policy lacks: " + ", ".join(found["missing_windows"])
    else:
        hold = "payouts wait" if found["hold_payouts"] else "payouts may go"
        words = "\n".join(
            [
                f"{merchant}: {found['exposure_minor']} minor units open, reserve "
                f"{found['reserve_percent']} %, {hold}",
                *(f"  {line}" for line in found["explanation"]),
            ]
        )
    output.answer(arguments, found, words)
    return output.DONE if found["known"] else output.NOT_SO
