"""A private PostgreSQL cluster for the vault's store; skipped by name where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

SQL = Path(__file__).parents[3] / "deploy" / "postgresql" / "vault.sql"


class Cluster:
    """Databases over a unix socket in a temporary folder."""

    def __init__(self, folder: Path, run) -> None:
        self.folder, self.run, self.made = folder, run, 0

    def fresh(self) -> str:
        """A new database with the vault's schema: its DSN for the vault's role."""
        self.made += 1
        name = f"vault_{self.made}"
        self._psql("postgres", "-c", f"CREATE DATABASE {name}")
        self._psql(name, "-f", "-", text=SQL.read_text())
        return f"postgresql://paywarden_vault@/{name}?host={self.folder}"

    def owner(self, dsn: str) -> str:
        return dsn.replace("paywarden_vault@", "postgres@")

    def _psql(self, database: str, *words: str, text: str = "") -> None:
        self.run(
            "psql", "-qX", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder), "-U", "postgres",
            "-d", database, *words, text=text,
        )  # fmt: skip


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    programs = {name: shutil.which(name) for name in ("initdb", "pg_ctl", "psql")}
    if not all(programs.values()):
        pytest.skip("no PostgreSQL server programs: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="pwvault"))  # short: a socket's path is
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)

    def run(name: str, *words: str, text: str = "") -> None:
        done = subprocess.run(
            [str(programs[name]), *words], input=text, text=True, capture_output=True, user=user,
            cwd=folder, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr + done.stdout

    base = folder / "data"
    run("initdb", "-D", str(base), "-U", "postgres", "-A", "trust", "--no-sync")
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c max_connections=40"
    log = folder / "log"
    run("pg_ctl", "-D", str(base), "-o", options, "-l", str(log), "-w", "start")
    try:
        yield Cluster(folder, run)
    finally:
        run("pg_ctl", "-D", str(base), "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)
