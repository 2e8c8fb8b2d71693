"""What each process of the card data environment does to itself before it reads a secret.

Guards: no core dump (RLIMIT_CORE 0) and no debugger or /proc/PID/mem for its own user
(PR_SET_DUMPABLE 0); no new privileges; memory not written to swap where the limits allow
(`mlockall`). Python cannot wipe its octets: what a process has held may lie in its memory until it
ends, so it is kept small and alone. Linux only: elsewhere `harden` refuses.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from dataclasses import dataclass
from typing import Final

from paywarden.core.errors import Unavailable

_PR_GET_DUMPABLE: Final = 3
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4


@dataclass(frozen=True, slots=True)
class Hardened:
    """What could be had; `memory_locked` needs CAP_IPC_LOCK or LimitMEMLOCK=infinity."""

    memory_locked: bool


def harden(*, lock_memory: bool = False) -> Hardened:
    """Harden this process. Errors: Unavailable `hardening_failed` when a must cannot be had."""
    if not sys.platform.startswith("linux"):
        raise Unavailable("hardening_failed", "the card data environment runs on Linux")
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in ((_PR_SET_DUMPABLE, 0), (_PR_SET_NO_NEW_PRIVS, 1)):
        if libc.prctl(option, value, 0, 0, 0) != 0:
            raise Unavailable("hardening_failed", f"prctl {option} is refused here")
    if libc.prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise Unavailable("hardening_failed", "the process is still dumpable")
    return Hardened(lock_memory and _locked(libc))


def _locked(libc: ctypes.CDLL) -> bool:
    """Lock pages as they come into use (so that unused stack and heap cost nothing)."""
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if soft != resource.RLIM_INFINITY and os.geteuid() != 0:
        return False  # a limit reached later would fail allocations in the middle of work
    return bool(libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) == 0)
