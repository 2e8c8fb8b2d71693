"""Signed requests: processor time of the middleware, and throughput of decisions with signatures.

    python bench/signing.py [--seconds 6] [--rounds 3] [--cards 20000] [--quick] [--json [FILE]]

First in this process: verifying and answering one request of a decision's size, per algorithm, with
neither writer nor disk. Then over HTTP: one real server, and in turns unsigned, HMAC and Ed25519
load with signed answers; medians of the rounds, so that what else runs on the machine strikes all
alike. Rate limits by key and principal are on for signed load and off for unsigned, so that the
loss is that of signatures and limits together. The load generator is no part of what is measured
and shares the two cores, so it makes (and signs) its requests before each load, every one with a
nonce of its own and seconds old when it is sent; `made_late` are those that it had to make
meanwhile, after a load faster than `FASTEST` a second.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import _home
import _policy
import _report
import _traffic
from paywarden.core.clock import FixedClock
from paywarden.core.message_signature import (
    RequestParts,
    content_digest,
    request_parameters,
    signature_field,
)
from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.identity.client_key_registry import ClientKeyRegistry
from paywarden.identity.client_keys import ClientKeyDesk, KeySealer, Owner
from paywarden.identity.stores.memory_client_keys import MemoryClientKeys, MemoryNonces
from paywarden.kit.clock import SystemRandomness
from paywarden.kit.http.authenticator import Principal
from paywarden.kit.http.signing.guard import GuardedSignatures
from paywarden.kit.http.signing.keys import Algorithm, HmacKey, SigningKey, load_private
from paywarden.kit.http.signing.nonces import Nonces
from paywarden.kit.metrics import Metrics

SCOPE = Scope("default", Environment.LIVE)
PRINCIPAL = Principal("key_bench", SCOPE, frozenset())
NOW = 1_795_566_137
LOAD = [sys.executable, str(Path(__file__).with_name("_load.py"))]
FASTEST = 1_500
ASKED_US = {"hmac-sha256": 60.0, "ed25519": 350.0}
ASKED_LOSS = {"hmac-sha256": 0.15, "ed25519": 0.30}


class Written:
    """Writes that are there at once."""

    async def durable(self) -> None:
        """Return."""


def sender(algorithm: Algorithm, desk: ClientKeyDesk) -> tuple[str, SigningKey]:
    """A registered key that signs."""
    if algorithm is Algorithm.HMAC:
        secret, record = desk.add_secret(SCOPE, Owner())
        return record.key_id, HmacKey(secret)
    private, public = key_pair(algorithm)
    record = desk.add_public(SCOPE, Owner(), algorithm, public)
    return record.key_id, load_private(algorithm, private)


def key_pair(algorithm: Algorithm) -> tuple[bytes, bytes]:
    """(private, public) in DER."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    key: Any = {
        Algorithm.ED25519: ed25519.Ed25519PrivateKey.generate,
        Algorithm.ECDSA_P256: lambda: ec.generate_private_key(ec.SECP256R1()),
        Algorithm.RSA_PSS: lambda: rsa.generate_private_key(65_537, 2_048),
    }[algorithm]()
    der = serialization.Encoding.DER
    private = key.private_bytes(
        der, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(der, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private, public


def signed(key_id: str, algorithm: str, key: SigningKey, nonce: str, body: bytes, host: str,
           now: int) -> dict[str, str]:  # fmt: skip
    """Headers of one request."""
    parts = RequestParts(
        "POST", host, "/v1/decisions", "?", content_digest(body), "application/json"
    )
    parameters = request_parameters(parts, now, key_id, algorithm, now + 300, nonce)
    return {
        "content-digest": parts.content_digest,
        "signature-input": f"sig1={parameters}",
        "signature": signature_field(key.sign(parts.base(parameters))),
    }


async def middleware(algorithm: Algorithm, count: int, body: bytes) -> dict[str, Any]:
    """Processor microseconds to verify, and to sign the answer."""
    clock, chance = FixedClock(NOW * 1_000_000), SystemRandomness()
    store, nonce_store = MemoryClientKeys(), MemoryNonces()
    sealer = KeySealer(Secret(b"\x01" * 32), chance)
    key_id, key = sender(algorithm, ClientKeyDesk(store, sealer, clock, chance))
    nonces = Nonces(nonce_store, lambda _unit: Written(), clock)
    nonces.load()
    guard = GuardedSignatures(ClientKeyRegistry(store, sealer, clock), nonces, Metrics())
    requests = []
    for number in range(count):
        told = signed(key_id, algorithm.value, key, f"{number:032x}", body, "risk.example", NOW)
        told = {
            "host": "risk.example", "authorization": "Bearer " + "x" * 54,
            "content-type": "application/json", "content-length": str(len(body)), **told,
        }  # fmt: skip
        raw = [(name.encode(), value.encode()) for name, value in told.items()]
        scope = {
            "method": "POST", "path": "/v1/decisions", "raw_path": b"/v1/decisions",
            "query_string": b"", "scheme": "http", "headers": raw,
        }  # fmt: skip
        requests.append((scope, told))
    started, proofs = time.process_time(), []
    for scope, told in requests:
        proofs.append(guard.verify(PRINCIPAL, scope, told, body))
    verified = time.process_time()
    answer = b"x" * 300
    for proof in proofs:
        proof.answer_headers(200, "application/json", answer)
        await proof.durable()
    ended = time.process_time()
    return {
        "algorithm": algorithm.value,
        "requests": count,
        "verify_us": round((verified - started) / count * 1e6, 1),
        "answer_us": round((ended - verified) / count * 1e6, 1),
        "asked_us": ASKED_US.get(algorithm.value),
    }


def over_http(options: Any, root: Path) -> dict[str, Any]:
    """Decisions a second: unsigned, HMAC and Ed25519 in turns on one server."""
    home = root / "home"
    key = _home.initialise(home)
    limited = _limit(home, key)
    made = _home.command(home, "signing-keys", "add", "--environment", "live",
                         "--algorithm", "hmac-sha256")  # fmt: skip
    private, public = key_pair(Algorithm.ED25519)
    (root / "ed25519.pub").write_bytes(public)
    (root / "ed25519.key").write_bytes(private)
    (root / "hmac.key").write_text(made["secret"])
    second = _home.command(home, "signing-keys", "add", "--environment", "live", "--algorithm",
                           "ed25519", "--public-key", str(root / "ed25519.pub"))  # fmt: skip
    keys = {
        "unsigned": None,
        "hmac-sha256": [made["key_id"], "hmac-sha256", str(root / "hmac.key")],
        "ed25519": [second["key_id"], "ed25519", str(root / "ed25519.key")],
    }
    bodies = root / "bodies.jsonl"
    world = _traffic.World(options.cards)
    bodies.write_bytes(b"\n".join(_traffic.bodies(world, 5_000)) + b"\n")
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in keys}
    with _home.serving(home, key) as server:
        server.publish(_policy.policy_files())
        for number in range(options.rounds + 1):
            for name, signing in keys.items():
                one = _load(server, limited if signing else key, bodies, options, signing)
                if number:  # the first round warms up
                    found[name].append(one)
    return {"loads": [_median(name, runs) for name, runs in found.items()]}


def _limit(home: Path, exempt: str) -> str:
    """Turn rate limits on, but for the key of unsigned load; another key, which is limited."""
    made = _home.command(home, "keys", "--environment", "live", "--role", "operator")
    settings = home / "paywarden.toml"
    limits = "".join(
        f"{name}_per_second = 1e6\n{name}_burst = 1000000\n" for name in ("key", "principal")
    )
    text = settings.read_text().replace(
        _home.UNLIMITED, f'[limits]\n{limits}exempt_keys = "key_{exempt[8:16]}"\n', 1
    )
    settings.write_text(text)
    return str(made["api_key"])


def _load(
    server: _home.Server, key: str, bodies: Path, options: Any, signing: Any
) -> dict[str, Any]:
    given = {
        "port": server.port, "key": key, "bodies": str(bodies), "rate": 0,
        "connections": options.connections, "seconds": options.seconds, "signing": signing,
        "ready": int(FASTEST * options.seconds),
    }  # fmt: skip
    cpu = server.cpu_seconds()
    done = subprocess.run(
        [*LOAD, json.dumps(given)], capture_output=True, text=True, check=True, timeout=300
    )
    one: dict[str, Any] = json.loads(done.stdout)
    one["server_cpu_us"] = round((server.cpu_seconds() - cpu) / max(1, one["answers"]) * 1e6)
    return one


def _median(name: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    statuses: dict[str, int] = {}
    for run in runs:
        for status, count in run["statuses"].items():
            statuses[status] = statuses.get(status, 0) + count
    shown = ("per_second", "p50_ms", "p99_ms", "server_cpu_us", "generator_cpu_us")
    middle = {key: statistics.median(run[key] for run in runs) for key in shown}
    late = sum(run["made_late"] for run in runs)
    return {
        "load": name, "rounds": len(runs), **middle, "made_late": late, "statuses": statuses,
    }  # fmt: skip


def losses(report: dict[str, Any]) -> list[dict[str, Any]]:
    """What signing costs: of throughput, and of the server's processor time a request."""
    plain, *others = report["loads"]
    return [
        {
            "load": one["load"],
            "throughput_loss": round(1 - one["per_second"] / plain["per_second"], 3),
            "throughput_loss_by_server_cpu": round(
                1 - plain["server_cpu_us"] / one["server_cpu_us"], 3
            ),
            "asked": ASKED_LOSS[one["load"]],
        }
        for one in others
    ]


def main() -> None:
    """Measure and report."""
    parser = _report.arguments(__doc__ or "")
    parser.add_argument("--cards", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each load")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--no-server", action="store_true", help="the middleware alone")
    options = parser.parse_args()
    count = 2_000 if options.quick else 10_000
    if options.quick:
        options.rounds, options.seconds = 1, 3.0
    body = next(iter(_traffic.bodies(_traffic.World(1_000), 1)))
    report: dict[str, Any] = {"machine": _report.machine(), "body_bytes": len(body)}
    report["middleware"] = [
        asyncio.run(middleware(one, count, body))
        for one in (Algorithm.HMAC, Algorithm.ED25519, Algorithm.ECDSA_P256, Algorithm.RSA_PSS)
    ]
    shown = [_report.table(report["middleware"])]
    if not options.no_server:
        with tempfile.TemporaryDirectory(prefix="paywarden-bench-") as folder:
            report |= over_http(options, Path(folder))
        report["losses"] = losses(report)
        shown += [_report.table(report["loads"]), _report.table(report["losses"])]
    _report.finish(report, "\n\n".join(shown), options.json)


if __name__ == "__main__":
    main()
