"""`paywarden aml alerts | alert | groups | typologies`: alerts of a running server, files to check.

    paywarden aml alerts --interdicted --limit 20
    paywarden aml alert al_...
    paywarden aml groups
    paywarden aml typologies [FOLDER]

Guards: whoever asks needs `aml_alerts:read`, as a key of the operator or in a person's name
(`--login`); each read is in the audit log. Identifiers of people come in the body of a request and
out of a file, never in an address or on the command line.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import httpx

from paywarden.aml.monitoring.typology_reader import files_in, read_typologies, shipped_files
from paywarden.cli import output, person, server
from paywarden.core.errors import InvalidRequest, Unavailable
from paywarden.risk.rules.typology_scores import expression_text

PARTS: Final = ("alerts", "alert", "groups", "typologies")
Document = dict[str, Any]
_FILTERS: Final = ("kind", "subject", "group", "since", "until")
_NAME_LIMIT: Final = 1_024


def add_parts(parts: Any) -> None:
    """The parts of `aml` that read alerts."""
    alerts = _part(parts, "alerts", "alerts against money laundering, newest first")
    alerts.add_argument("--kind", choices=("screening", "typology", "customer_risk"))
    alerts.add_argument("--subject", help="id of a typology, list entry or model")
    alerts.add_argument("--group", metavar="AG", help="of one entity, `ag_...`")
    alerts.add_argument("--interdicted", action="store_true", help="only those that hold a payment")
    alerts.add_argument("--since", help="from this time on, RFC 3339")
    alerts.add_argument("--until", help="before this time, RFC 3339")
    alerts.add_argument("--entity-kind", choices=("payer", "payee", "account", "merchant"))
    alerts.add_argument("--entity-file", type=Path, metavar="FILE", help="its name, one line")
    alerts.add_argument("--limit", type=int, default=50)
    one = _part(parts, "alert", "one alert with its evidence")
    one.add_argument("alert", metavar="ALERT", help="its id, `al_...`")
    groups = _part(parts, "groups", "alerts by entity, that with the newest first")
    groups.add_argument("--limit", type=int, default=50)
    for part in (alerts, one, groups):
        server.add_arguments(part)
        part.add_argument("--login", help="act as this person, not with a key")
        part.add_argument("--environment", choices=("test", "live"), default="live")
    listed = _part(parts, "typologies", "check files of typologies and list them")
    listed.add_argument("folder", type=Path, nargs="?", help="default: those shipped")


def run(arguments: argparse.Namespace) -> int:
    """Do one part."""
    acts: Mapping[str, Callable[[argparse.Namespace], int]] = {
        "alerts": _alerts,
        "alert": _alert,
        "groups": _groups,
        "typologies": _typologies,
    }
    return acts[arguments.part](arguments)


def _alerts(arguments: argparse.Namespace) -> int:
    with _connected(arguments) as http:
        if arguments.entity_file is not None:
            if arguments.entity_kind is None:
                raise InvalidRequest("entity_kind_missing", "give --entity-kind with --entity-file")
            body = {
                "entity_kind": arguments.entity_kind,
                "entity_id": _name(arguments.entity_file),
                "limit": arguments.limit,
            }
            found = server.asked(http, "POST", "/v1/aml/alerts/find", body)
        else:
            found = server.asked(http, "GET", "/v1/aml/alerts" + _query(arguments))
    words = "\n".join(map(_line, found["alerts"])) or "no alerts"
    output.answer(arguments, found, words + ("\nthere are more" if found["has_more"] else ""))
    return output.DONE


def _query(arguments: argparse.Namespace) -> str:
    given = {name: getattr(arguments, name) for name in _FILTERS}
    given["entity_kind"] = arguments.entity_kind
    given["interdicted"] = "true" if arguments.interdicted else None
    given["limit"] = str(arguments.limit)
    return "?" + urlencode({name: value for name, value in given.items() if value})


def _alert(arguments: argparse.Namespace) -> int:
    name = server.path_name(arguments.alert, "al_", "alert_id_invalid")
    with _connected(arguments) as http:
        found = server.asked(http, "GET", f"/v1/aml/alerts/{name}")
    lines = [_line(found)]
    lines += [f"  {one['weight']:+g}  {one['name']}: {one['says']}" for one in found["reasons"]]
    lines += [f"  decision {one}" for one in found["decisions"]]
    lines += [f"  payment {one}" for one in found["payments"]]
    output.answer(arguments, found, "\n".join(lines))
    return output.DONE


def _groups(arguments: argparse.Namespace) -> int:
    with _connected(arguments) as http:
        found = server.asked(http, "GET", f"/v1/aml/alert-groups?limit={arguments.limit}")
    lines = [
        f"{one['id']}  {one['entity']['kind']} {one['entity']['id']}: {one['alerts']} alerts,"
        f" {one['interdicted']} held, highest {one['highest_score']:g}, last {one['last_at']}"
        for one in found["groups"]
    ]
    output.answer(arguments, found, "\n".join(lines) or "no alerts")
    return output.DONE


def _typologies(arguments: argparse.Namespace) -> int:
    files = shipped_files() if arguments.folder is None else files_in(arguments.folder)
    reading = read_typologies(files)
    found = reading.findings.as_dict()
    listed = [
        {"id": one.id, "title": one.title, "family": one.family, "runs": one.runs,
         "entity": one.entity, "alert": one.alert, "interdict": one.interdict,
         "score": expression_text(one.score)}
        for one in reading.typologies
    ]  # fmt: skip
    lines = [
        f"{one['file']}:{one['line']}:{one['column']}: {kind}: {one['message']}; {one['remedy']}"
        for kind, key in (("error", "errors"), ("warning", "warnings"))
        for one in found[key]
    ]
    lines += [f"{one['id']:28} {one['runs']:8} {one['title']}" for one in listed]
    lines.append(f"{len(listed)} typologies, {len(found['errors'])} errors")
    output.answer(arguments, {"typologies": listed, **found}, "\n".join(lines))
    return output.NOT_SO if found["errors"] else output.DONE


def _part(parts: Any, name: str, text: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = parts.add_parser(name, help=text, description=text)
    made.add_argument("--json", action="store_true", default=argparse.SUPPRESS)
    return made


def _connected(arguments: argparse.Namespace) -> AbstractContextManager[httpx.Client]:
    return person.signed_in(arguments) if arguments.login else server.connected(arguments)


def _name(file: Path) -> str:
    try:
        with file.open(encoding="utf-8") as opened:
            return opened.read(_NAME_LIMIT).strip()
    except OSError as fault:
        detail = fault.strerror or "cannot read"
        raise Unavailable("file_unreadable", detail, pointer=str(file)) from None
    except UnicodeDecodeError:
        raise InvalidRequest("file_no_text", "write UTF-8 text", pointer=str(file)) from None


def _line(one: Mapping[str, Any]) -> str:
    held = "  HELD" if one["interdicted"] else ""
    entity = one["entity"]
    return (
        f"{one['at']}  {one['id']}  {one['subject']}  {entity['kind']} {entity['id']}"
        f"  {one['score']:g} of {one['threshold']:g}{held}"
    )
