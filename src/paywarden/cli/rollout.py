"""`paywarden rollout`: submit, shadow, emergency, list, show and take back on a running server."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from paywarden.cli import output, server
from paywarden.core.errors import InvalidRequest, Unavailable

RULES_LIMIT = 20_000
Document = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sub-commands of `rollout`."""
    parts = parser.add_subparsers(dest="rollout_command", required=True, metavar="COMMAND")
    submit = _part(parts, "submit", "ask for a roll-out of a stored ruleset in steps")
    submit.add_argument("ruleset", help="its hash, `rs_...`")
    submit.add_argument("--reason", required=True)
    submit.add_argument(
        "--step", action="append", metavar="PERCENT:MINUTES",
        help="a share of payers and its time; the last is 100 (default 1:60 10:60 100:60)",
    )  # fmt: skip
    submit.add_argument("--shadow-minutes", type=int, default=60)
    submit.add_argument("--starts-at", help="RFC 3339 time of the start; default at once")
    for name in ("block-increase", "alert-increase", "fault-rate", "latency-ms", "min-payments"):
        submit.add_argument(f"--{name}", type=int if name == "min-payments" else float)
    shadow = _part(parts, "shadow", "try a stored ruleset without effect")
    shadow.add_argument("ruleset")
    for part in (submit, shadow):
        part.add_argument("--model", help="a model beside it (default: the one that serves)")
    shadow.add_argument("--reason", required=True)
    shadow.add_argument("--minutes", type=int, default=1_440)
    emergency = _part(parts, "emergency", "add rules to the live policy for hours")
    emergency.add_argument("rules", type=Path, help="YAML file of rules that only stop more")
    emergency.add_argument("--reason", required=True)
    emergency.add_argument("--minutes", type=int, default=60)
    emergency.add_argument("--block-cap", type=float, default=0.05)
    _part(parts, "list", "roll-outs, newest first")
    show = _part(parts, "show", "where a roll-out stands, and what it changes")
    show.add_argument("rollout", help="its id, `ro_...`")
    back = _part(parts, "back", "end a roll-out at once")
    back.add_argument("rollout")
    back.add_argument("--reason", required=True)


def run(arguments: argparse.Namespace) -> int:
    """Run the sub-command that was asked for."""
    acts: Mapping[str, Callable[[argparse.Namespace], Document]] = {
        "submit": _submit, "shadow": _shadow, "emergency": _emergency, "list": _list,
        "show": _show, "back": _back,
    }  # fmt: skip
    document = acts[arguments.rollout_command](arguments)
    output.answer(arguments, document, _words(document))
    return output.DONE


def _submit(arguments: argparse.Namespace) -> Document:
    plan: Document = {"shadow_minutes": arguments.shadow_minutes}
    if arguments.step:
        plan["steps"] = [_step(text) for text in arguments.step]
    if arguments.starts_at:
        plan["starts_at"] = arguments.starts_at
    names = ("block_increase", "alert_increase", "fault_rate", "latency_ms", "min_payments")
    given = {name: getattr(arguments, name) for name in names}
    plan["guardrails"] = {name: value for name, value in given.items() if value is not None}
    body: Document = {"reason": arguments.reason, "plan": plan, "model": arguments.model}
    return _asked(arguments, "POST", _of_ruleset(arguments, "submit"), body)


def _step(text: str) -> Document:
    percent, _, minutes = text.partition(":")
    try:
        return {"percent": float(percent), "minutes": int(minutes or 60)}
    except ValueError:
        raise InvalidRequest("step_invalid", "write a step as PERCENT:MINUTES, such as 10:60",
                             pointer=text[:40]) from None  # fmt: skip


def _shadow(arguments: argparse.Namespace) -> Document:
    body = {"reason": arguments.reason, "minutes": arguments.minutes, "model": arguments.model}
    return _asked(arguments, "POST", _of_ruleset(arguments, "shadow"), body)


def _emergency(arguments: argparse.Namespace) -> Document:
    try:
        rules = arguments.rules.read_text("utf-8")
    except OSError as error:
        raise Unavailable("rules_unreadable", error.strerror or "cannot read",
                          pointer=str(arguments.rules)) from None  # fmt: skip
    except UnicodeDecodeError:
        raise InvalidRequest("rules_unreadable", "the file is no UTF-8 text",
                             pointer=str(arguments.rules)) from None  # fmt: skip
    body = {"rules": rules, "reason": arguments.reason, "minutes": arguments.minutes,
            "block_cap": arguments.block_cap}  # fmt: skip
    return _asked(arguments, "POST", "/v1/emergency-rules", body)


def _list(arguments: argparse.Namespace) -> Document:
    return _asked(arguments, "GET", "/v1/rollouts")


def _show(arguments: argparse.Namespace) -> Document:
    return _asked(arguments, "GET", _of_rollout(arguments))


def _back(arguments: argparse.Namespace) -> Document:
    path = _of_rollout(arguments) + "/rollback"
    return _asked(arguments, "POST", path, {"reason": arguments.reason})


def _of_ruleset(arguments: argparse.Namespace, act: str) -> str:
    name = server.path_name(arguments.ruleset, "rs_", "ruleset_hash_invalid")
    return f"/v1/rulesets/{name}/{act}"


def _of_rollout(arguments: argparse.Namespace) -> str:
    return "/v1/rollouts/" + server.path_name(arguments.rollout, "ro_", "rollout_id_invalid")


def _asked(
    arguments: argparse.Namespace, method: str, path: str, body: Document | None = None
) -> Document:
    with server.connected(arguments) as http:
        return server.asked(http, method, path, body)


def _words(document: Document) -> str:
    if "items" in document:
        return "\n".join(map(_line, document["items"])) or "no roll-outs yet"
    if "stage" not in document:
        return f"{document['id']}: waits for {document['approvals_needed']} approval(s)"
    lines = [_line(document)]
    lines += [
        f"  {one['live']} -> {one['candidate']}: {one['payments']}" for one in document["changes"]
    ]
    for name in ("blocks", "stops", "fraud_stopped", "genuine_stopped"):
        held = document[name]
        lines.append(
            f"  {name}: {held['candidate']} against {held['live']} of {held['payments']}"
            f" (p = {held['p_value']:.3g})"
        )
    return "\n".join(lines)


def _line(one: Document) -> str:
    end = f": {one['ended']}" if one["ended"] else ""
    return (
        f"{one['id']} {one['stage']} {one['share_percent']:g} % of payers, ruleset"
        f" {one['ruleset'][:15]}, {one['payments']} payments, {one['changed']} changed{end}"
    )


def _part(parts: Any, name: str, text: str) -> argparse.ArgumentParser:
    part: argparse.ArgumentParser = parts.add_parser(name, help=text)
    server.add_arguments(part)
    # Accepted after the sub-command too; absent, it must not undo what stood before it.
    part.add_argument("--json", action="store_true", default=argparse.SUPPRESS)
    return part
