"""One SQL query per aggregate on PostgreSQL, as open-source peers do, beside the compiled windows.

    python bench/peers_sql.py [--cards 100000] [--payments 200] [--quick] [--json [FILE]]

A PostgreSQL server of the installed version, made in a temporary folder, reached by a unix socket,
run by an unprivileged user when this is root. The same past (two payments a card), the same next
payments, the same 200 aggregates: each payment is inserted, then each aggregate asks one prepared
query over an index on its key and time. Durable commits are off for the peer (`fsync=off`,
`synchronous_commit=off`), which favours it. All answers are compared with ours; standard
deviations and averages within one part in a million.
"""

from __future__ import annotations

import asyncio
import contextlib
import glob
import math
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import _policy
import _report
import _traffic
from paywarden.core.secret import Secret
from paywarden.risk.features.arena import Windows
from paywarden.risk.features.catalogue import KEY_KINDS, OBSERVED_INDEX
from paywarden.risk.features.columns import ObservationColumns
from paywarden.risk.features.digests import Digester
from paywarden.risk.features.model import Aggregate

END_US = 1_760_000_000 * _traffic.SECOND_US
KINDS = ("card", "payer", "device", "ip", "ip_prefix", "email", "phone", "merchant", "bin")
FIELDS = {"merchant.id": "merchant", "card.fingerprint": "card", "device.id": "device"}
AMOUNT = _policy.AMOUNT


def programs() -> Path:
    """The folder of initdb and postgres. Errors: SystemExit with the remedy."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda p: p.split("/")[4])
    path = found[-1] if found else shutil.which("initdb")
    if path is None:
        raise SystemExit("PostgreSQL is not installed: apt-get install postgresql")
    return Path(path).parent


def unprivileged() -> str | None:
    """A user to run the server as; None when this process is not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise SystemExit("PostgreSQL refuses to run as root, and there is no other user to run it as")


@contextlib.contextmanager
def postgres(root: Path) -> Iterator[Path]:
    """A server of our own; the folder of its socket."""
    user, bin_folder, data = unprivileged(), programs(), root / "data"
    data.mkdir()
    if user is not None:
        held = pwd.getpwnam(user)
        for folder in (root, data):
            os.chown(folder, held.pw_uid, held.pw_gid)
    made = subprocess.run(
        [bin_folder / "initdb", "-D", data, "-U", "bench", "-A", "trust", "--no-sync"],
        user=user, capture_output=True, text=True, check=False, cwd=root, env={"LC_ALL": "C"},
    )  # fmt: skip
    if made.returncode != 0:
        raise RuntimeError(f"initdb failed: {made.stderr[-1_000:]}")
    settings = {
        "listen_addresses": "", "unix_socket_directories": str(root), "shared_buffers": "1GB",
        "fsync": "off", "synchronous_commit": "off", "max_connections": "40",
        "random_page_cost": "1.1", "jit": "off", "autovacuum": "off",
        "maintenance_work_mem": "256MB", "max_wal_size": "4GB",
    }  # fmt: skip
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with open(root / "postgres.log", "wb") as log:
        server = subprocess.Popen(
            [bin_folder / "postgres", "-D", data, *words],
            user=user, stdout=log, stderr=subprocess.STDOUT, cwd=root, env={"LC_ALL": "C"},
        )  # fmt: skip
        try:
            yield root
        finally:
            server.send_signal(signal.SIGINT)  # a fast shutdown: sessions are ended
            server.wait(60)


async def connected(socket: Path) -> Any:
    """A connection, once the server takes one."""
    import asyncpg

    for _ in range(200):
        try:
            return await asyncpg.connect(host=str(socket), user="bench", database="postgres")
        except (OSError, asyncpg.PostgresError):
            await asyncio.sleep(0.1)
    raise RuntimeError("PostgreSQL did not start")


# --- the same data --------------------------------------------------------------------------


def signed(words: Any) -> list[int]:
    """Digests as PostgreSQL's bigint."""
    return words.astype(np.uint64).view(np.int64).tolist()  # type: ignore[no-any-return]


def records(chunk: ObservationColumns) -> list[tuple[Any, ...]]:
    """Rows of the table: seq, time, kind, amount, keys."""
    status = chunk.values[OBSERVED_INDEX["event.status"]]
    amount = chunk.values[OBSERVED_INDEX[AMOUNT]]
    keys = [signed(chunk.keys[:, KEY_KINDS.index(kind)]) for kind in KINDS]
    head = (chunk.seq.tolist(), chunk.s_us.tolist(), (status >= 0).tolist(), amount.tolist())
    return list(zip(*head, *keys, strict=True))


def query(one: Aggregate) -> str:
    """The query of one aggregate: $1 time, $2 seq, then its keys."""
    text = {
        "count": "count(*)", "sum": "coalesce(sum(amount), 0)::bigint", "max": "max(amount)",
        "avg": "avg(amount)::float8", "stddev": "stddev_pop(amount)::float8",
        "distinct": f"nullif(count(DISTINCT {FIELDS.get(one.of or '', 'card')}), 0)",
        "since_last": "($1::bigint - max(at)) / 1000000",
    }[one.function]  # fmt: skip
    where = [f"{kind} = ${place}" for place, kind in enumerate(one.by, 3)]
    where += [
        f"at > $1::bigint - {one.window_us}",
        "at <= $1",
        "seq < $2::bigint" if one.exclude_current else "",
    ]
    where.append("declined" if one.where else "NOT declined")
    # $2 is always bound, so that all queries take the same arguments.
    where.append("$2::bigint IS NOT NULL")
    return f"SELECT {text} FROM payments WHERE " + " AND ".join(part for part in where if part)


async def fill(connection: Any, chunks: Iterator[ObservationColumns]) -> None:
    """The table, its rows, then an index per key and time."""
    columns = ", ".join(f"{kind} bigint NOT NULL" for kind in KINDS)
    await connection.execute(
        "CREATE TABLE payments (seq bigint PRIMARY KEY, at bigint NOT NULL,"
        f" declined boolean NOT NULL, amount bigint NOT NULL, {columns})"
    )
    names = ("seq", "at", "declined", "amount", *KINDS)
    for chunk in chunks:
        await connection.copy_records_to_table("payments", records=records(chunk), columns=names)
    for kind in KINDS:
        await connection.execute(f"CREATE INDEX ON payments ({kind}, at)")
    await connection.execute("CREATE INDEX ON payments (card, merchant, at)")
    await connection.execute("VACUUM ANALYZE payments")


class Peer:
    """One connection with its 200 prepared queries."""

    def __init__(self, connection: Any, statements: list[tuple[Any, Aggregate]], insert: Any):
        self._connection, self._statements, self._insert = connection, statements, insert

    @classmethod
    async def make(cls, connection: Any, aggregates: list[Aggregate]) -> Peer:
        """Prepare everything."""
        statements = [(await connection.prepare(query(one)), one) for one in aggregates]
        marks = ", ".join(f"${n}" for n in range(1, 5 + len(KINDS)))
        return cls(
            connection,
            statements,
            await connection.prepare(f"INSERT INTO payments VALUES ({marks})"),
        )

    async def decide(self, row: tuple[Any, ...]) -> list[Any]:
        """Insert the payment, then ask each aggregate."""
        await self._insert.fetch(*row)
        seq, at = row[0], row[1]
        keys = dict(zip(KINDS, row[4:], strict=True))
        return [
            await statement.fetchval(at, seq, *(keys[kind] for kind in one.by))
            for statement, one in self._statements
        ]


async def run_peer(socket: Path, past: Iterator[Any], live: list[Any], callers: int) -> Any:
    """Latency with one caller, throughput with several; all answers of the first part."""
    first = await connected(socket)
    started = time.perf_counter()
    await fill(first, past)
    filled = time.perf_counter() - started
    aggregates = _policy.aggregates_of()
    peer = await Peer.make(first, aggregates)
    laps, answers = [], []
    half = len(live) // 2
    for row in live[:half]:
        before = time.perf_counter_ns()
        answers.append(await peer.decide(row))
        laps.append(time.perf_counter_ns() - before)
    peers = [await Peer.make(await connected(socket), aggregates) for _ in range(callers)]
    queue = iter(live[half:])

    async def caller(one: Peer) -> None:
        for row in queue:
            await one.decide(row)

    before = time.perf_counter()
    await asyncio.gather(*(caller(one) for one in peers))
    several = (len(live) - half) / (time.perf_counter() - before)
    await first.close()
    return answers, {
        "what": f"PostgreSQL, {len(aggregates)} queries",
        **_report.percentiles(laps, 1e6),
        "per_s_one_caller": round(1e9 * half / sum(laps), 1),
        f"per_s_{callers}_callers": round(several, 1),
        "fill_s": round(filled, 1),
    }


def run_ours(past: Iterator[Any], live: ObservationColumns, callers: int) -> Any:
    """The same payments through the window store, one core."""
    windows = Windows(_policy.window_plan(), 0)
    started = time.perf_counter()
    for chunk in past:
        windows.observe_columns(chunk, np.zeros(len(chunk), np.bool_))
    filled = time.perf_counter() - started
    laps, answers = [], []
    for seen in live.to_observations():
        before = time.perf_counter_ns()
        answers.append(windows.observe(seen))
        laps.append(time.perf_counter_ns() - before)
    speed = round(1e9 * len(laps) / sum(laps), 1)
    return answers, {
        "what": "paywarden windows",
        **_report.percentiles(laps, 1e6),
        "per_s_one_caller": speed,
        f"per_s_{callers}_callers": speed,
        "fill_s": round(filled, 1),
    }


def differing(ours: list[Any], theirs: list[Any]) -> dict[str, int]:
    """How many answers differ, by function."""
    found: dict[str, int] = {}
    for mine, other in zip(ours, theirs, strict=False):
        for one, a, b in zip(_policy.aggregates_of(), mine, other, strict=True):
            same = a == b
            if a is not None and b is not None and isinstance(a, float):
                same = math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-6)
            if not same:
                found[one.function] = found.get(one.function, 0) + 1
    return found


def measure(options: Any, root: Path) -> dict[str, Any]:
    """Both, over the same payments."""
    report: dict[str, Any] = {"machine": _report.machine(), "cards": options.cards}
    world = _traffic.World(options.cards)
    past = _traffic.Past(world, Digester(Secret(bytes(32))).digest, END_US)
    total = 2 * options.cards
    live = past.live(options.payments, total + 1, END_US, gap_us=1_000)
    _report.say("windows")
    ours, mine = run_ours(past.chunks(total), live, options.callers)
    _report.say("PostgreSQL")
    with postgres(root) as socket:
        rows = records(live)
        theirs, peer = asyncio.run(run_peer(socket, past.chunks(total), rows, options.callers))
    report["rows"] = [peer, mine]
    report["past"] = total
    report["answers_compared"] = len(theirs) * len(theirs[0])
    report["answers_differing"] = differing(ours, theirs)
    report["times_faster"] = {
        "p50": round(peer["p50"] / mine["p50"], 1),
        "p99": round(peer["p99"] / mine["p99"], 1),
        "throughput": round(mine["per_s_one_caller"] / peer[f"per_s_{options.callers}_callers"], 1),
    }
    report["machine"]["load_average_after"] = _report.machine()["load_average"]
    return report


def shown(report: dict[str, Any]) -> str:
    """The table for people."""
    rest = "\n".join(f"{k}: {v}" for k, v in report.items() if k != "rows")
    return f"milliseconds a payment\n{_report.table(report['rows'])}\n{rest}"


def main() -> None:
    """Measure and report."""
    parser = _report.arguments(__doc__ or "")
    parser.add_argument("--cards", type=int)
    parser.add_argument("--payments", type=int)
    parser.add_argument("--callers", type=int, default=4, help="connections for throughput")
    options = parser.parse_args()
    options.cards = options.cards or (20_000 if options.quick else 100_000)
    options.payments = options.payments or (60 if options.quick else 400)
    with tempfile.TemporaryDirectory(prefix="paywarden-bench-") as folder:
        report = measure(options, Path(folder))
    _report.finish(report, shown(report), options.json)


if __name__ == "__main__":
    main()
