"""`paywarden policy diff | pull`, and `push --dry-run`: versions of a policy beside each other.

A version is a folder, the word `live` (what decides in the running server) or a hash (rs_...).
Guards: pulling never overwrites: a file that is there with other content stops it before anything
is written. Entries of lists are counted, never printed. Exit codes: diff and dry-run 0 when nothing
differs, 1 when something does, 3 when a version has errors. Not done here: which decisions change;
`paywarden backtest` says that.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from paywarden.cli import output, server
from paywarden.core.errors import InvalidRequest, NotFound
from paywarden.risk.rules.diffing import Change, PolicyDiff, diff_policies
from paywarden.risk.rules.reader import MAX_FILES, files_of, read_policy_files

LIVE = "live"
MAX_PAGES = 100
_HASH = re.compile("rs_[0-9a-z]{1,80}")
_SHOWN = 3


def add_arguments(
    parts: argparse._SubParsersAction[argparse.ArgumentParser],
) -> tuple[argparse.ArgumentParser, argparse.ArgumentParser]:
    """The sub-commands `diff` and `pull`."""
    text = "folder, `live`, or a hash (rs_...)"
    diff = parts.add_parser("diff", help="what differs between two versions of a policy")
    diff.add_argument("old", help=text)
    diff.add_argument("new", help=text)
    server.add_arguments(diff)
    pull = parts.add_parser("pull", help="write the files of what is live, or of a hash")
    pull.add_argument("folder", type=Path)
    pull.add_argument("--ruleset", default=LIVE, help="`live` (default) or a hash (rs_...)")
    server.add_arguments(pull)
    return diff, pull


def diff(arguments: argparse.Namespace) -> int:
    """Compare two versions. Errors: PolicyErrors, NotFound, Unavailable."""
    old, new = (_files(version, arguments) for version in (arguments.old, arguments.new))
    return _answer(arguments, _compared(old, new), {"old": arguments.old, "new": arguments.new})


def dry_run(arguments: argparse.Namespace) -> int:
    """What a push would change, without storing anything. Errors: PolicyErrors, Unavailable."""
    new = files_of(arguments.folder)
    read_policy_files(new)  # a faulty folder is told before the server is asked
    old = _files(LIVE, arguments)
    return _answer(arguments, _compared(old, new), {"old": LIVE, "new": str(arguments.folder)})


def pull(arguments: argparse.Namespace) -> int:
    """Write the files of a version. Errors: InvalidRequest `pull_would_overwrite`."""
    files = _files(arguments.ruleset, arguments)
    folder: Path = arguments.folder
    wanted = {folder / _safe(name): content for name, content in files.items()}
    for path, content in wanted.items():
        if path.exists() and (not path.is_file() or path.read_bytes() != content):
            detail = "is there with other content; pull into an empty folder"
            raise InvalidRequest("pull_would_overwrite", detail, pointer=str(path))
    written = [path for path in wanted if not path.exists()]
    for path in written:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wanted[path])
    document = {"folder": str(folder), "files": len(files), "written": len(written)}
    output.answer(arguments, document, f"{folder}: {len(files)} files, {len(written)} written")
    return output.DONE


def _safe(name: str) -> PurePosixPath:
    """A path below the folder, whatever a server says."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\\" in name:
        raise InvalidRequest("policy_file_name", "the server names a file outside of the folder")
    return path


# --- versions ------------------------------------------------------------------------------


def _files(version: str, arguments: argparse.Namespace) -> Mapping[str, bytes]:
    folder = Path(version)
    if version != LIVE and not _HASH.fullmatch(version):
        if not folder.is_dir():
            detail = "there is no such folder; name one, `live`, or a hash (rs_...)"
            raise NotFound("policy_folder_missing", detail, pointer=version)
        return files_of(folder)
    with server.connected(arguments) as http:
        name = _live(http) if version == LIVE else version
        found = server.asked(http, "GET", f"/v1/rulesets/{name}")
    files = found.get("files") or {}
    if len(files) > MAX_FILES:
        raise InvalidRequest("policy_too_large", "the server sent too many files")
    return {path: text.encode() for path, text in files.items()}


def _live(http: Any) -> str:
    """The hash of what is live. Errors: NotFound `nothing_live`."""
    after = ""
    for _ in range(MAX_PAGES):
        page = server.asked(http, "GET", f"/v1/rulesets?limit=200&after={after}")
        for item in page["items"]:
            if item["live"]:
                return str(item["hash"])
        if not page["has_more"]:
            break
        after = page["next"]
    raise NotFound("nothing_live", "no ruleset is live; push one first")


def _compared(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> PolicyDiff:
    return diff_policies(read_policy_files(old), read_policy_files(new), old, new)


# --- answers -------------------------------------------------------------------------------


def _answer(arguments: argparse.Namespace, found: PolicyDiff, names: dict[str, str]) -> int:
    lines = [line for change in found.changes for line in _lines(change)]
    lines.append(_counted(found) if found.changes else "nothing differs")
    output.answer(arguments, {**names, **found.as_dict()}, "\n".join(lines))
    return output.NOT_SO if found.changes else output.DONE


def _lines(change: Change) -> list[str]:
    mark = {"added": "+", "removed": "-"}.get(change.what, "~")
    names = ", ".join(change.names[:_SHOWN])
    if len(change.names) > _SHOWN:
        names += f" and {len(change.names) - _SHOWN} more"
    lines = [f"{mark} {change.part} {names}"]
    lines += [f"    {what}: {old or '-'} -> {new}" for what, old, new in change.detail]
    return lines


def _counted(found: PolicyDiff) -> str:
    counts: Any = found.as_dict()["counts"]
    parts = [
        f"{number} {part}{'s' if number != 1 else ''} {what}"
        for part, kinds in counts.items()
        for what, number in kinds.items()
    ]
    return ", ".join(parts)
