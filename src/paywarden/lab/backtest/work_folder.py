"""Where a back-test keeps what it has done: windows and matches, named by their input.

Guards: for this user only; a material has a folder of its own, so that another input or another
label delay begins anew, and so has a program, since another one may compute otherwise; the folder
of all stays under a size. One run at a time uses a folder.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from paywarden.core.errors import Conflict
from paywarden.kit.program import program_digest
from paywarden.lab.backtest.feature_store import FeatureStore
from paywarden.lab.backtest.material import Material
from paywarden.lab.backtest.rule_store import RuleStore

KEEP_OCTETS = 6 << 30
KEEP_MATERIALS = 4
_LAST = "last"


@dataclass(frozen=True, slots=True)
class Work:
    """Stores of one material. `resumed`: there was something of an earlier run."""

    features: FeatureStore
    rules: RuleStore
    resumed: bool


def default_folder(environ: Mapping[str, str]) -> Path:
    """`PAYWARDEN_WORK`, else the user's cache folder."""
    given = environ.get("PAYWARDEN_WORK")
    if given:
        return Path(given)
    cache = environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "paywarden" / "backtest"


@contextmanager
def opened(folder: Path, material: Material) -> Iterator[Work]:
    """Stores for a material. Errors: Conflict while another run uses them."""
    place = folder / f"{material.digest}-{program_digest().hex()[:16]}"
    resumed = place.is_dir()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(place / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            detail = "another back-test of the same input is running; wait, or name another --work"
            raise Conflict("work_folder_in_use", detail) from error
        os.utime(place)
        _prune(folder, place)
        features = FeatureStore(place / "windows")
        yield Work(features, RuleStore(place / "rules"), resumed)
        features.prune(KEEP_OCTETS)
    finally:
        os.close(handle)


def _prune(folder: Path, kept: Path) -> None:
    """Keep the newest materials. One that is in use is newer than what is dropped, or locked."""
    found = [path for path in folder.iterdir() if path.is_dir() and path != kept]
    found.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in found[KEEP_MATERIALS - 1 :]:
        if not _in_use(path):
            shutil.rmtree(path, ignore_errors=True)


def _in_use(place: Path) -> bool:
    lock = place / "lock"
    if not lock.exists():
        return True  # not ours
    handle = os.open(lock, os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
