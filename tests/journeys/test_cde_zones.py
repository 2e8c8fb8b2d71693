"""Segmentation, shown by probes: each process under its own user, and what each cannot reach.

PCI DSS 4.0.1, 11.4.5: isolation is tested from every zone, not read off a configuration.
"""

from __future__ import annotations

import base64
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cde_zones_kit import ENVIRONMENT_GROUP, USERS, Zones, identity, variables

NUMBER = "4111111111111111"
OWNERS = ("keys", "vault", "edge", "egress", "operator", "house")
OPEN = (
    "keys.OpenDataKeys('default/test', 'pan', '2026-11',"
    " [keys.WrappedItem(b'x' * 16, bytes(60), 1)], 'forward', '')"
)
MAKE = "keys.NewDataKeys('default/test', 'pan', '2026-11', [b'x' * 16])"
TAKE = "vault.TakeForUse('default/test', 'shop-1', 'tk_test_' + 'a' * 22, False, 'forward')"
TOKENISE = (
    "vault.Tokenise('default/test', 'shop-1', 'key_a',"
    " [vault.CardGiven(b'4111111111111111', '2031-07')])"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Running(Zones):
    """All of it, started in the order of the units."""

    def __init__(self) -> None:
        super().__init__()
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        self.ceremony()
        callers = "".join(f'{one} = "{USERS[one]}"\n' for one in ("edge", "egress", "operator"))
        self.write("vault", self.cde / "vault" / "vault.toml", f"[callers]\n{callers}")
        self.start("vault", "vault", "vault")
        self.wait("vault", (self.run / "vault.sock").exists)
        self.paywarden("house", "init", home=self.house)
        words = ("keys", "--merchant", "shop-1", "--name", "shop")
        self.key = self.paywarden("house", *words, home=self.house)["api_key"]
        told = self.paywarden("house", "cde", "callers", "key", home=self.house)["public_key"]
        (self.cde / "callers.pub").write_bytes(base64.b64decode(told))
        (self.cde / "callers.pub").chmod(0o644)
        watch = ("callers", "watch", "--environment", str(self.cde))
        self.start("callers", "house", *watch, home=self.house)
        self.wait("callers", (self.cde / "inbox" / "callers.roster").exists)
        self.port, self.egress_port = free_port(), free_port()
        origin = ("--origin", "https://cards.example")
        self.start("edge", "edge", "edge", "--port", str(self.port), *origin)
        self.start("egress", "egress", "egress", "--port", str(self.egress_port))
        self.wait("edge", lambda: self.ready(self.port))
        self.wait("egress", lambda: self.ready(self.egress_port))

    @staticmethod
    def ready(port: int) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def worker(self, name: str) -> int:
        """The process that does the work: Granian's child where there is one."""
        pid = self.processes[name].pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[-1]) if children else pid


@pytest.fixture(scope="module")
def zones() -> Iterator[Running]:
    made = Running()
    yield made
    made.close()


def test_a_card_becomes_a_token_across_four_users(zones: Running) -> None:
    headers = {"authorization": f"Bearer {zones.key}"}
    made = httpx.post(
        f"http://127.0.0.1:{zones.port}/v1/tokens", headers=headers, timeout=30, trust_env=False,
        json={"card": {"number": NUMBER, "expiry": "2031-07"}},
    )  # fmt: skip
    assert made.status_code == 201, made.text
    users = {zones.worker(name): name for name in ("keys", "vault", "edge", "egress", "callers")}
    owned = {Path(f"/proc/{pid}").stat().st_uid for pid in users} | {
        int(line.split()[1])
        for pid in users
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("Uid:")
    }
    assert {zones.uid(one) for one in OWNERS if one != "operator"} <= owned


def test_what_lies_there_is_its_owner_s_alone(zones: Running) -> None:
    """Every file of keys, vault, egress and house: no other user opens it."""
    owners = {
        zones.cde / "keys": "keys", zones.cde / "vault": "vault", zones.cde / "egress": "egress",
        zones.house: "house",
    }  # fmt: skip
    listed = {
        path: owner
        for folder, owner in owners.items()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }
    seen = zones.openers(list(listed))
    assert {path: who for path, who in seen.items() if who != {listed[path]}} == {}
    for path in ("keys/master.key", "data/paywarden.sqlite", "paywarden.toml"):
        assert zones.house / path in listed
    for path in ("vault/vault.db", "keys/keys.sealed", "keys/state.journal", "egress/egress.db"):
        assert zones.cde / path in listed


def test_the_roster_and_its_pin_are_read_by_two_and_written_by_one(zones: Running) -> None:
    roster, pin = zones.cde / "inbox" / "callers.roster", zones.cde / "callers.pub"
    facts = zones.cde / "outbox" / "facts.keys"
    read, written = (zones.openers([roster, pin, facts], mode) for mode in ("rb", "r+b"))
    assert read == {roster: {"edge", "egress", "house"}, pin: set(OWNERS), facts: set(OWNERS)}
    assert written == {roster: {"house"}, pin: set(), facts: {"keys"}}
    replaced = f"os.rename({str(roster)!r}, {str(roster) + '.x'!r})"
    assert {zones.probe(who, replaced) for who in ("edge", "egress")} == {"PermissionError"}


@pytest.mark.parametrize(
    ("who", "caller", "request_", "told"),
    [
        ("edge", "edge", "keys.Ping()", "done"),
        ("edge", "edge", OPEN, "operation_not_allowed"),
        ("edge", "edge", MAKE, "operation_not_allowed"),
        ("edge", "egress", OPEN, "caller_unproven"),
        ("edge", "vault", MAKE, "caller_unproven"),
        ("egress", "egress", MAKE, "operation_not_allowed"),
        ("egress", "operator", "keys.States()", "caller_unproven"),
        ("vault", "vault", OPEN, "reason_not_allowed"),
        ("vault", "egress", OPEN, "caller_unproven"),
        ("operator", "operator", "keys.States()", "done"),
        ("operator", "operator", OPEN, "operation_not_allowed"),
        ("operator", "operator", "keys.Rotate('pan')", "grant_required"),
    ],
)
def test_the_agent_knows_who_asks(
    zones: Running, who: str, caller: str, request_: str, told: str
) -> None:
    assert zones.asks(who, zones.run / "keys.sock", caller, request_) == told


@pytest.mark.parametrize(
    ("who", "caller", "request_", "told"),
    [
        ("edge", "edge", TAKE, "operation_not_permitted"),
        ("edge", "egress", TAKE, "caller_unproven"),
        ("egress", "egress", TOKENISE, "operation_not_permitted"),
        ("egress", "egress", TAKE, "token_unknown"),
        ("operator", "operator", TAKE, "operation_not_permitted"),
    ],
)
def test_the_vault_knows_who_asks(
    zones: Running, who: str, caller: str, request_: str, told: str
) -> None:
    assert zones.asks(who, zones.run / "vault.sock", caller, request_) == told


@pytest.mark.parametrize("name", ["keys.sock", "vault.sock"])
def test_the_house_reaches_neither_socket(zones: Running, name: str) -> None:
    path = zones.run / name
    for caller in ("edge", "vault", "operator"):
        assert zones.asks("house", path, caller, "keys.Ping()") == "cde_unreachable"
    # Given the group, which lets it through the folder, the kernel still names its user.
    for caller in ("edge", "vault", "operator"):
        told = zones.asks("house", path, caller, "keys.Ping()", groups=[ENVIRONMENT_GROUP])
        assert told == "cde_unreachable"


@pytest.mark.parametrize("who", OWNERS)
def test_no_memory_is_read_by_others_nor_by_its_own_user(zones: Running, who: str) -> None:
    pids = [zones.worker(name) for name in ("keys", "vault", "edge", "egress")]
    told = zones.probe(
        who,
        f"""
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
got = []
for pid in {pids}:
    if libc.ptrace(16, pid, None, None) == 0 or ctypes.get_errno() != errno.EPERM:
        got.append((pid, 'ptrace'))
    for name in ('mem', 'environ', 'maps'):
        try:
            open(f'/proc/{{pid}}/{{name}}', 'rb').read(1)
            got.append((pid, name))
        except PermissionError:
            pass
print(got)
""",
    )
    assert told == "[]"


def test_the_probe_of_memory_finds_what_is_open(zones: Running) -> None:
    """A process that is not hardened, by the same means: read by its own user, by no other."""
    with subprocess.Popen(
        [zones.python, "-c", "import time; print(flush=True); time.sleep(60)"],
        stdout=subprocess.PIPE, env=variables(), cwd="/", **identity("house"),
    ) as plain:  # fmt: skip
        assert plain.stdout is not None
        plain.stdout.readline()
        look = f"print(len(open('/proc/{plain.pid}/environ', 'rb').read(1)))"
        assert zones.probe("house", look) == "1"
        assert zones.probe("edge", look) == "PermissionError"
        plain.kill()


def test_the_kit_lays_folders_out_as_the_page_does(zones: Running) -> None:
    """The layout probed here is the one that is documented and that the units name."""
    page = (Path(__file__).parents[2] / "docs/operate/key-agent.md").read_text(encoding="utf-8")
    for line in (
        "for name in keys vault edge egress; do",
        'install -d -m 0700 -o "paywarden-$name" -g "paywarden-$name" "$home/cde/$name"',
        'install -d -m 3770 -o root -g paywarden-cde "$home/cde/run"',
        'install -d -m 0755 -o paywarden-keys -g paywarden-keys "$home/cde/outbox"',
        'install -d -m 2750 -o paywarden -g paywarden-callers "$home/cde/inbox"',
    ):
        assert line in page
    assert (zones.run / "keys.sock").stat().st_mode & 0o777 == 0o660
    assert (zones.run / "vault.sock").stat().st_mode & 0o777 == 0o660
    assert "PAYWARDEN_CDE" not in " ".join(variables())
