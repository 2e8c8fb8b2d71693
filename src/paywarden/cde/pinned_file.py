"""Files that decide whom a process believes: read only when nobody else may have written them.

Guards: a regular file, no link, owned by this process' user or by root, not writable by group or
others. Whoever may write such a file decides for the process, so it is handed over like a key.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from paywarden.core.errors import Unavailable


def pinned_octets(path: Path, limit: int, code: str) -> bytes:
    """At most `limit` octets of the file. Errors: Unavailable `code` for an unsafe one."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        raise Unavailable(code, f"{path.name} is a link or cannot be read") from None
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(handle)
        mine = about.st_uid in (os.geteuid(), 0)
        if not stat.S_ISREG(about.st_mode) or not mine or about.st_mode & 0o022:
            raise Unavailable(code, f"{path.name} may be written by others: chmod 600")
        return file.read(limit)
