"""A path and all below it: regular files are read, everything else is named.

Guards: links are not followed (a loop cannot be entered, and nothing outside the path is read), but
for the path itself; sockets, FIFOs and devices are not opened; a file that cannot be read, or that
changes kind between the look and the opening, is named and never ends the scan.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from paywarden.cde.discovery.block import hits
from paywarden.cde.discovery.finder import Finder
from paywarden.cde.discovery.findings import Findings
from paywarden.core.errors import InvalidRequest, NotFound

_KINDS = (
    (stat.S_ISLNK, "symbolic_link"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISFIFO, "fifo"),
    (stat.S_ISCHR, "device"),
    (stat.S_ISBLK, "device"),
)


def scan_tree(path: Path, findings: Findings, told: Callable[[str], None]) -> None:
    """Scan a file or folder into `findings`; `told` hears each file's name before it is read.

    Errors: NotFound when the path does not exist, InvalidRequest when it is no file or folder.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound("path_unknown", "nothing is at this path", pointer="PATH") from None
    except OSError:
        raise InvalidRequest("path_unusable", "this path cannot be read", pointer="PATH") from None
    finder = Finder(findings)
    if stat.S_ISREG(mode):
        _one(path, finder, findings, told)
    elif stat.S_ISDIR(mode):
        for file in _files(path, findings):
            _one(file, finder, findings, told)
    else:
        raise InvalidRequest("path_no_file", "this path is no file and no folder", pointer="PATH")


def _files(root: Path, findings: Findings) -> Iterator[Path]:
    pending = [root]
    while pending:
        folder = pending.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda one: one.name)
        except OSError:
            findings.skip(str(folder), "unreadable")
            continue
        below = []
        for entry in entries:
            reason = _passed_over(entry)
            if reason:
                findings.skip(entry.path, reason)
            elif entry.is_dir(follow_symlinks=False):
                below.append(Path(entry.path))
            else:
                yield Path(entry.path)
        pending += reversed(below)


def _passed_over(entry: os.DirEntry[str]) -> str:
    try:
        mode = entry.stat(follow_symlinks=False).st_mode
    except OSError:
        return "unreadable"
    return next((reason for test, reason in _KINDS if test(mode)), "")


def _one(path: Path, finder: Finder, findings: Findings, told: Callable[[str], None]) -> None:
    label = str(path)
    told(label)
    for hit in hits(os.fsencode(path.name)):
        findings.add(label, 0, hit, form="file name")
    try:
        finder.file(path, label)
    except OSError:
        findings.skip(label, "unreadable")
