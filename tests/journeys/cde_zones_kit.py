"""The card data environment as it is deployed: every process under a user of its own.

Folders, owners and modes are those of docs/operate/key-agent.md; users are system users that
every Debian has, standing for ours. The root comes from a ceremony, all is in production mode.
"""

from __future__ import annotations

import ast
import atexit
import json
import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

USERS = {
    "keys": "daemon", "vault": "bin", "edge": "sys", "egress": "games", "operator": "man",
    "house": "news",
}  # fmt: skip
"""A user of the system for each of ours; `house` is the API's."""
ENVIRONMENT_GROUP, CALLERS_GROUP = 60_001, 60_002
GROUPS = {
    "keys": [ENVIRONMENT_GROUP],
    "vault": [ENVIRONMENT_GROUP],
    "edge": [ENVIRONMENT_GROUP, CALLERS_GROUP],
    "egress": [ENVIRONMENT_GROUP, CALLERS_GROUP],
    "operator": [ENVIRONMENT_GROUP],
    "house": [],
}
SOURCE = Path(__file__).resolve().parents[2] / "src"
CODE = [str(SOURCE), sysconfig.get_path("purelib")]
"""Where the processes find our code and its libraries."""
PEOPLE = ("ana", "ben")
KEYS_TOML = """\
[agent]
mode = "production"
root = "shares"
lock_memory = false
facts_keys = "outbox/facts.keys"

[callers]
"""


def interpreter() -> str:
    """A Python that other users may run with our code. Skips by name where there is none."""
    if os.geteuid() != 0:
        pytest.skip("not root: processes under users of their own need it")
    for prepare in (lambda: None, open_code):
        prepare()
        for program in (sys.executable, "/usr/bin/python3"):
            if runs(program):
                return program
    pytest.skip("no Python that other users may run (Debian: python3, of the version used here)")


def open_code() -> None:
    """Put our code and its libraries where every user may read them: a checkout may be closed."""
    folder = Path(tempfile.mkdtemp(prefix="paywarden-code-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    for number, part in enumerate(CODE):
        place = folder / str(number)
        shutil.copytree(
            part, place, copy_function=open_copy, ignore=shutil.ignore_patterns("*.pyc")
        )
        for found in (place, *place.rglob("*/")):
            found.chmod(0o755)
        CODE[number] = str(place)


def open_copy(source: str, place: str) -> None:
    """The same file where others may read it as it is, else a copy that they may read."""
    try:
        if os.stat(source).st_mode & 0o004:
            os.link(source, place)
            return
    except OSError:
        pass  # another file system
    shutil.copyfile(source, place)
    os.chmod(place, 0o755)


def runs(program: str) -> bool:
    """Whether another user may run it, and read our code with it."""
    try:
        tried = as_user("edge", [program, "-c", "import paywarden.entrypoints.cde_edge"])
    except PermissionError:
        return False
    return tried.returncode == 0


def variables() -> dict[str, str]:
    """What a process inherits: as little as the unit files give."""
    return {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": ":".join(CODE),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def identity(who: str) -> dict[str, Any]:
    """Arguments of subprocess that start it as this user."""
    user = pwd.getpwnam(USERS[who])
    return {"user": user.pw_uid, "group": user.pw_uid, "extra_groups": GROUPS[who]}


def as_user(who: str, words: Sequence[str], **more: Any) -> subprocess.CompletedProcess[str]:
    """Run to the end as a user."""
    given = {**identity(who), "env": variables(), "cwd": "/", **more}
    return subprocess.run(
        list(words), capture_output=True, text=True, timeout=120, check=False, **given
    )


class Zones:
    """Folders, processes, and what each user can do."""

    def __init__(self) -> None:
        self.python = interpreter()
        self.base = Path(tempfile.mkdtemp(prefix="paywarden-zones-"))
        self.base.chmod(0o755)
        self.house, self.home = self.base / "house", self.base / "environment"
        self.cde, self.run = self.home / "cde", self.home / "cde" / "run"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._folders()

    def _folders(self) -> None:
        self._made(self.house, 0o700, "house")
        for path in (self.home, self.cde):
            self._made(path, 0o755, None)
        for name in ("keys", "vault", "edge", "egress"):
            self._made(self.cde / name, 0o700, name)
        self._made(self.run, 0o3770, None, ENVIRONMENT_GROUP)
        self._made(self.cde / "outbox", 0o755, "keys")
        self._made(self.cde / "inbox", 0o2750, "house", CALLERS_GROUP)

    def _made(self, path: Path, mode: int, who: str | None, group: int | None = None) -> None:
        path.mkdir()
        uid = 0 if who is None else self.uid(who)
        os.chown(path, uid, uid if group is None else group)
        path.chmod(mode)  # after chown, which takes set-group-id away

    @staticmethod
    def uid(who: str) -> int:
        """Its user's number."""
        return pwd.getpwnam(USERS[who]).pw_uid

    def write(self, who: str, path: Path, text: str) -> None:
        """A file of this user's, 0600."""
        path.write_text(text)
        os.chown(path, self.uid(who), self.uid(who))
        path.chmod(0o600)

    def paywarden(self, who: str, *words: str, home: Path | None = None, **more: Any) -> Any:
        """The JSON answer of a command run as a user."""
        program = [self.python, "-m", "paywarden.entrypoints.main"]
        done = as_user(who, [*program, "--home", str(home or self.home), *words, "--json"], **more)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def start(self, name: str, who: str, *words: str, home: Path | None = None) -> None:
        """Start a process of the environment as a user."""
        program = [
            self.python,
            "-m",
            "paywarden.entrypoints.main",
            "--home",
            str(home or self.home),
        ]
        with (self.base / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [*program, "cde", *words], stderr=log, stdout=log, env=variables(), cwd="/",
                **identity(who),
            )  # fmt: skip

    def wait(self, name: str, there: Callable[[], bool]) -> None:
        """Until it is there; shows the log of the process that is not."""
        ends = time.monotonic() + 90
        while not there():
            said = (self.base / f"{name}.log").read_text()
            assert self.processes[name].poll() is None, said
            assert time.monotonic() < ends, said
            time.sleep(0.1)

    def ceremony(self) -> None:
        """People, their signed roster, a running agent, and its first keys."""
        people = self.base / "people"
        self._made(people, 0o700, "keys")
        said = self._step
        public = {
            one: said("identity", "--out", str(people / one))["public_key"]
            for one in (*PEOPLE, "olga", "root")
        }
        words = ["roster", "--signing-key", str(people / "root"), "--granted-by", "board"]
        for one in PEOPLE:
            words += ["--custodian", f"{one}={public[one]}"]
        said(*words, "--officer", f"olga={public['olga']}")
        names = ("vault", "edge", "egress", "operator")
        users = "".join(f'{one} = "{USERS[one]}"\n' for one in names)
        self.write("keys", self.cde / "keys" / "keys.toml", KEYS_TOML + users)
        self.start("keys", "keys", "key-agent")
        self.wait("keys", (self.run / "ceremony.sock").exists)
        custodians = [word for one in PEOPLE for word in ("--custodian", one)]
        officer = ["--person", "olga", "--key", str(people / "olga")]
        said("start", "initialise", "--needed", "2", *custodians, *officer)
        parts = {one: self._part(people, one) for one in PEOPLE}
        for one in PEOPLE:
            self._part(people, one, parts[one])
        said("activate", *officer)
        self.wait("keys", (self.run / "keys.sock").exists)

    def _step(self, *words: str, **more: Any) -> Any:
        return self.paywarden("keys", "cde", "ceremony", *words, **more)

    def _part(self, people: Path, one: str, part: bytes | None = None) -> bytes:
        """A custodian takes a part (None), or enters it."""
        source, sink = os.pipe()
        who = ["--person", one, "--key", str(people / one)]
        if part is None:
            self._step("enter", "--out-fd", str(sink), *who, pass_fds=(sink,))
            os.close(sink)
            with os.fdopen(source, "rb") as file:
                return file.read()
        os.write(sink, part)
        os.close(sink)
        self._step("enter", "--part-fd", str(source), *who, pass_fds=(source,))
        os.close(source)
        return part

    def probe(self, who: str, code: str, *, groups: list[int] | None = None) -> str:
        """What a piece of Python prints as this user, its last line; a fault is its kind."""
        text = (
            "import sys, os\ntry:\n"
            + "".join(f"    {line}\n" for line in code.strip().splitlines())
            + "except BaseException as fault:\n"
            "    print(getattr(fault, 'code', None) or type(fault).__name__)\n"
        )
        more = {} if groups is None else {"extra_groups": groups}
        done = as_user(who, [self.python, "-c", text], **more)
        assert done.stdout, done.stderr
        return done.stdout.strip().splitlines()[-1]

    def openers(self, paths: Sequence[Path], mode: str = "rb") -> dict[Path, set[str]]:
        """Which users may open each file so."""
        found: dict[Path, set[str]] = {path: set() for path in paths}
        for who in USERS:
            told = self.probe(
                who,
                f"""
may = []
for path in {[str(path) for path in paths]!r}:
    try:
        open(path, {mode!r}).close()
        may.append(path)
    except PermissionError:
        pass
print(may)
""",
            )
            for path in ast.literal_eval(told):
                found[Path(path)].add(who)
        return found

    def asks(self, who: str, socket: Path, caller: str, request: str, **more: Any) -> str:
        """What a server of frames answers: `done`, or the code of the refusal."""
        return self.probe(
            who,
            f"""
import asyncio
from pathlib import Path
from paywarden.cde.frame_client import FrameClient
from paywarden.cde.frame_format import Refused
from paywarden.cde.keys import wire as keys
from paywarden.cde.vault import wire as vault
async def asked():
    client = FrameClient(Path({str(socket)!r}), {caller!r}, timeout_seconds=5)
    answer = await client.ask({request}, object)
    print(answer.code if isinstance(answer, Refused) else 'done')
asyncio.run(asked())
""",
            **more,
        )

    def close(self) -> None:
        """End what runs, take the folders away."""
        for process in reversed(self.processes.values()):
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.base)
