"""A PostgreSQL database by its DSN: every column, for reading only, no password in any answer."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from paywarden.entrypoints.main import main

NUMBER = "4539578763621486"
PLACES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
INITDB = str(PLACES[-1]) if PLACES else shutil.which("initdb") or ""
TABLE = f"""
create schema shop;
create table shop.pay (id int, note text, n bigint, j jsonb, b bytea, a text[], at timestamptz);
insert into shop.pay values (1, 'to {NUMBER}', null, null, null, null, now()),
 (2, null, {NUMBER}, '{{"c": "4539 5787 6362 1486"}}', convert_to('{NUMBER}', 'UTF8'),
  '{{x,{NUMBER}}}', now());
"""


@pytest.fixture(scope="module")
def dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A cluster of this test alone, on a loopback port."""
    if not INITDB:
        pytest.skip("PostgreSQL is not installed")
    folder = tmp_path_factory.mktemp("postgres")
    become: dict[str, int] = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        owner = pwd.getpwnam("postgres")
        become = {"user": owner.pw_uid, "group": owner.pw_gid}
        folder = Path("/tmp") / f"paywarden-pg-{os.getpid()}"
        folder.mkdir(mode=0o700)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    control, data = str(Path(INITDB).parent / "pg_ctl"), str(folder / "data")

    def run(*words: str) -> None:
        subprocess.run(
            words, check=True, cwd="/", timeout=120, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, **become,  # type: ignore[call-overload]
        )  # fmt: skip

    run(INITDB, "-D", data, "-A", "trust", "-U", "scanner", "--no-sync")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    run(control, "-D", data, "-o", options, "-l", str(folder / "log"), "-w", "start")
    try:
        place = f"127.0.0.1:{port}/postgres"
        run(str(Path(INITDB).parent / "psql"), f"postgresql://scanner@{place}", "-c", TABLE)
        yield f"postgresql://scanner:hidden-word@{place}"
    finally:
        run(control, "-D", data, "-m", "fast", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def test_every_column_is_read(dsn: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cde", "scan", dsn, "--json"]) == 1
    shown = capsys.readouterr()
    assert "hidden-word" not in shown.out + shown.err and NUMBER not in shown.out
    place = dsn.replace("scanner:hidden-word@", "")
    found = {(one["path"], one["offset"]) for one in json.loads(shown.out)["findings"]}
    assert found == {
        (f"{place}#shop.pay.note:(0,1)", 3), (f"{place}#shop.pay.n:(0,2)", 0),
        (f"{place}#shop.pay.j:(0,2)", 7), (f"{place}#shop.pay.b:(0,2)", 0),
        (f"{place}#shop.pay.a:(0,2)", 3),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("dsn", "code", "word"),
    [("postgresql://u:hidden-word@127.0.0.1:1/x", 4, "database_unreachable"),
     ("postgresql://[hidden-word", 3, "dsn_invalid")],
)  # fmt: skip
def test_bad_places_tell_no_password(
    dsn: str, code: int, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cde", "scan", dsn, "--json"]) == code
    shown = capsys.readouterr()
    assert json.loads(shown.out)["error"]["code"] == word
    assert "hidden-word" not in shown.out + shown.err
