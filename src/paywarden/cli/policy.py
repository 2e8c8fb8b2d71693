"""`paywarden policy library | check | eval | diff | changes | push | pull | rollback`.

Not done here: comparing and fetching versions (`policy_versions.py`).
"""

from __future__ import annotations

import argparse
import json
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from paywarden.aml.monitoring.typology_reader import log_names_of
from paywarden.aml.shipped_typologies import with_typologies
from paywarden.cli import output, policy_changes, policy_versions, server
from paywarden.core.errors import InvalidRequest, NotFound, Unavailable
from paywarden.fraud.shipped_policies import policy_folder
from paywarden.risk.rules import cel
from paywarden.risk.rules.check import check_folder
from paywarden.risk.rules.reader import MAX_LIST_BYTES, files_of

BINDINGS_LIMIT = 4 * 1024 * 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sub-commands of `policy`."""
    parts = parser.add_subparsers(dest="policy_command", required=True, metavar="COMMAND")
    library = parts.add_parser("library", help="copy the rule library into a policy folder")
    library.add_argument("folder", type=Path)
    library.add_argument("--replace", action="store_true", help="also files that differ")
    check = parts.add_parser("check", help="read, type-check and run the examples of a folder")
    check.add_argument("folder", type=Path)
    check.add_argument(
        "--prove",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="prove over conditions, too (default)",
    )
    evaluate = parts.add_parser("eval", help="evaluate one condition over given values")
    evaluate.add_argument("expression")
    evaluate.add_argument("--bindings", type=Path, help="JSON file of values; - for stdin")
    push = parts.add_parser("push", help="store a folder in a running server, and publish it")
    push.add_argument("folder", type=Path)
    server.add_arguments(push)
    push.add_argument("--no-publish", action="store_true", help="store and compile only")
    push.add_argument(
        "--dry-run", action="store_true", help="check and compare with what is live; store nothing"
    )
    diff, pull = policy_versions.add_arguments(parts)
    back = parts.add_parser("rollback", help="let a ruleset of the last 30 days decide again")
    back.add_argument("ruleset", help="its hash, rs_...")
    back.add_argument(
        "--model", help="the model that decided beside it, '' for none (default: as it is)"
    )
    server.add_arguments(back)
    changes = parts.add_parser("changes", help="which decisions change between two policies")
    policy_changes.add_arguments(changes)
    for part in (library, check, evaluate, push, back, diff, pull, changes):
        # Accepted after the sub-command too; absent, it must not undo what stood before it.
        part.add_argument("--json", action="store_true", default=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Run the sub-command that was asked for."""
    commands = {
        "library": _library,
        "check": _check,
        "eval": _evaluate,
        "push": _push,
        "rollback": _roll_back,
        "diff": policy_versions.diff,
        "pull": policy_versions.pull,
    }
    return commands[arguments.policy_command](arguments)


def _library(arguments: argparse.Namespace) -> int:
    """Own files and filled lists stay; a file of the library that differs stays unless asked."""
    written, kept = [], []
    for name, octets in with_typologies(files_of(policy_folder())).items():
        target = arguments.folder / name
        try:
            present = target.read_bytes() if target.is_file() else None
            if present is not None and (name.startswith("lists/") or not arguments.replace):
                kept += [name] if present != octets else []
            elif present != octets:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(octets)
                written.append(name)
        except OSError as error:
            raise Unavailable(
                "policy_file_not_written", error.strerror or "cannot write", pointer=str(target)
            ) from None
    lines = [f"differs, left as it is: {name}" for name in kept]
    lines.append(f"{len(written)} files written, {len(kept)} left: {arguments.folder}")
    output.answer(arguments, {"written": written, "kept": kept}, "\n".join(lines))
    return output.DONE


def _check(arguments: argparse.Namespace) -> int:
    if not arguments.folder.is_dir():
        raise NotFound(
            "policy_folder_missing", "there is no such folder", pointer=str(arguments.folder)
        )
    found = check_folder(arguments.folder, prove=arguments.prove, log_types=log_names_of).as_dict()
    lines = [
        f"{one['file']}:{one['line']}:{one['column']}: {kind}: {one['message']}; {one['remedy']}"
        for kind, key in (("error", "errors"), ("warning", "warnings"))
        for one in found[key]
    ]
    lines.append(f"{len(found['errors'])} errors, {len(found['warnings'])} warnings")
    output.answer(arguments, found, "\n".join(lines))
    return output.NOT_SO if found["errors"] else output.DONE


def _evaluate(arguments: argparse.Namespace) -> int:
    bindings = _bindings(arguments.bindings)
    try:
        value = cel.compile(arguments.expression).evaluate(bindings)
    except cel.EvaluationError as error:
        document = {"error": {"code": error.code, "detail": error.detail}}
        output.answer(arguments, document, f"error: {error.detail}")
        return output.NOT_SO
    shown = _plain(value)
    output.answer(arguments, {"value": shown}, json.dumps(shown, ensure_ascii=False))
    return output.DONE


def _bindings(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        text = sys.stdin.read(BINDINGS_LIMIT) if str(path) == "-" else path.read_text("utf-8")
        found = json.loads(text)
    except OSError as error:
        raise Unavailable(
            "bindings_unreadable", error.strerror or "cannot read", pointer=str(path)
        ) from None
    except (ValueError, RecursionError):
        raise InvalidRequest(
            "bindings_invalid", "the bindings are not JSON", pointer=str(path)
        ) from None
    if not isinstance(found, dict):
        raise InvalidRequest(
            "bindings_invalid", "the bindings are a JSON object", pointer=str(path)
        )
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, dict):
        return {str(key): _plain(held) for key, held in value.items()}
    if isinstance(value, list):
        return [_plain(held) for held in value]
    return value if isinstance(value, bool | int | float | str | None) else str(value)


def _push(arguments: argparse.Namespace) -> int:
    if arguments.dry_run:
        return policy_versions.dry_run(arguments)
    files = dict(_texts(arguments.folder))
    with server.connected(arguments) as http:
        stored = server.asked(http, "POST", "/v1/rulesets", {"files": files})
        document = {"hash": stored["hash"], "rules": stored["rules"], "published": False}
        if not arguments.no_publish:
            done = server.asked(http, "POST", f"/v1/rulesets/{stored['hash']}/publish")
            if "live" in done:
                document.update(published=True, log_sequence=done["log_sequence"])
            else:
                document.update(approval=done["id"])
    words = f"{document['hash']}: {document['rules']} rules"
    words += ", live" if document["published"] else ", stored"
    if "approval" in document:
        words += f"; publishing waits for approval {document['approval']}"
    output.answer(arguments, document, words)
    return output.DONE


def _roll_back(arguments: argparse.Namespace) -> int:
    ruleset = server.path_name(arguments.ruleset, "rs_", "ruleset_hash_invalid")
    body = {} if arguments.model is None else {"model": arguments.model}
    with server.connected(arguments) as http:
        done = server.asked(http, "POST", f"/v1/rulesets/{ruleset}/rollback", body)
    if "live" in done:
        document = {"hash": ruleset, "live": True, "log_sequence": done["log_sequence"]}
        words = f"{ruleset}: live"
    else:
        document = {"hash": ruleset, "live": False, "approval": done["id"]}
        words = f"rolling back waits for approval {done['id']}"
    output.answer(arguments, document, words)
    return output.DONE


def _texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Files as the API takes them: text, compressed lists unpacked. Errors: InvalidRequest."""
    for name, octets in files_of(folder).items():
        try:
            if name.endswith(".gz"):
                name = name.removesuffix(".gz")
                octets = zlib.decompressobj(wbits=31).decompress(octets, MAX_LIST_BYTES + 1)
            yield name, octets.decode("utf-8")
        except (zlib.error, UnicodeDecodeError):
            raise InvalidRequest(
                "policy_file_unreadable", "the file is no UTF-8 text", pointer=name
            ) from None
