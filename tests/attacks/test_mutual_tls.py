"""Client certificates behind a real nginx: who may speak through it, and who cannot pretend to.

The set-up is the one that is shipped (`deploy/nginx`), with places changed for the test.
"""

from __future__ import annotations

import base64
import os
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "journeys"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kit"))

from test_support_api import fleet, free_port, now_text, problem
from test_transport_journey import home_of, serving
from tls_kit import Authority, Made

DEPLOY = Path(__file__).resolve().parents[2] / "deploy" / "nginx"
MODULE = Path("/usr/lib/nginx/modules/ngx_http_js_module.so")
WAIT_SECONDS = 120.0


@dataclass
class Guarded:
    """A server on a unix socket, nginx in front, an authority for clients."""

    home: Path
    path: Path
    port: int
    trusted: Authority
    clients: Authority
    keys: dict[str, str]

    def client(self, made: Made | None, key: str, **headers: str) -> httpx.Client:
        """A client through nginx."""
        context = ssl.create_default_context(cafile=str(self.trusted.pem))
        if made is not None:
            context.load_cert_chain(made.certificate, made.key)
        sent = {"authorization": f"Bearer {self.keys[key]}", **headers}
        return httpx.Client(
            base_url=f"https://localhost:{self.port}", verify=context, headers=sent, timeout=30
        )

    def beside(self, headers: list[tuple[str, str]]) -> httpx.Response:
        """A request to the socket itself, past nginx."""
        transport = httpx.HTTPTransport(uds=str(self.path))
        with httpx.Client(transport=transport, base_url="http://socket", timeout=30) as client:
            return client.get("/v1/decisions", headers=headers)


def nginx_conf(folder: Path, port: int, path: Path, server: Made, clients: Authority) -> Path:
    """The shipped files with the test's places, inside a main configuration."""
    site = (DEPLOY / "paywarden.conf").read_text()
    for shipped, ours in (
        ("/run/paywarden/api.sock", str(path)),
        ("listen 443 ssl http2", f"listen 127.0.0.1:{port} ssl http2"),
        ("payments.example", "localhost"),
        ("/etc/paywarden/tls/chain.pem", str(server.certificate)),
        ("/etc/paywarden/tls/key.pem", str(server.key)),
        ("/etc/paywarden/tls/clients.pem", str(clients.pem)),
    ):
        assert shipped in site
        site = site.replace(shipped, ours)
    (folder / "site.conf").write_text(site)
    shutil.copy(DEPLOY / "client_cert.js", folder / "client_cert.js")
    temporary = "\n".join(
        f"  {name}_temp_path {folder}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = folder / "nginx.conf"
    main.write_text(
        f"load_module {MODULE};\ndaemon off;\nmaster_process off;\nuser root;\n"
        f"pid {folder}/nginx.pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\n  access_log off;\n{temporary}\n  js_path {folder};\n"
        f"  include {folder}/site.conf;\n}}\n"
    )
    return main


@contextmanager
def nginx(folder: Path, conf: Path) -> Iterator[None]:
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    with (folder / "nginx.log").open("wb") as sink:
        process = subprocess.Popen(
            [program, "-c", str(conf), "-p", str(folder)], stdout=sink, stderr=subprocess.STDOUT
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(30)


def until(look: Any, log: Path) -> None:
    ends = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < ends:
        try:
            if look().status_code == 200:
                return
        except (httpx.TransportError, OSError):
            pass
        time.sleep(0.1)
    raise AssertionError(log.read_text()[-3000:] if log.exists() else "nothing was logged")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    if not MODULE.exists():
        pytest.skip("nginx with njs is absent: nginx-light and libnginx-mod-http-js")
    folder = tmp_path_factory.mktemp("mtls")
    home, port = home_of(folder), free_port()
    trusted, clients = Authority(folder / "server"), Authority(folder / "clients", "Clients")
    server = trusted.issue("localhost")
    path = folder / "s" / "api.sock"
    path.parent.mkdir()
    assert fleet()._keys is not None
    made = Guarded(home, path, port, trusted, clients, dict(fleet()._keys))
    bind(made, "operator", clients.issue("first"))
    conf = nginx_conf(folder, port, path, server, clients)
    with serving(home, PAYWARDEN_SERVER__SOCKET=str(path)), nginx(folder, conf):
        with made.client(clients.issue("any"), "merchant") as client:
            until(lambda: client.get("/readyz"), folder / "error.log")
        yield made


def bind(place: Guarded, key: str, made: Made) -> str:
    """Bind a key by command; the thumbprint."""
    key_id = "key_" + place.keys[key][8:16]
    done = subprocess.run(
        [sys.executable, "-m", "paywarden.entrypoints.main", "--home", str(place.home),
         "certificates", "bind", key_id, "--certificate", str(made.certificate), "--json"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_bound_key_works_with_its_certificate_alone(guarded: Guarded) -> None:
    own = Made(guarded.clients.folder / "first.pem", guarded.clients.folder / "first.key", b"")
    payment = {
        "id": "mtls-1", "type": "card_payment", "occurred_at": now_text(), "amount_minor": 100,
        "currency": "EUR",
    }  # fmt: skip
    with guarded.client(own, "operator") as client:
        assert client.post("/v1/decisions", json={"payment": payment}).status_code == 200
    with guarded.client(guarded.clients.issue("other"), "operator") as client:
        problem(client.get("/v1/decisions"), 401, "client_certificate_differs")
    with guarded.client(guarded.clients.issue("any"), "merchant") as client:
        assert client.get("/v1/decisions").status_code == 200


def test_without_a_certificate_nothing_is_reached(guarded: Guarded) -> None:
    with guarded.client(None, "merchant") as client:
        assert client.get("/v1/decisions").status_code == 400
    stranger = Authority(guarded.home / "stranger", "Stranger").issue("any")
    with guarded.client(stranger, "merchant") as client:
        assert client.get("/v1/decisions").status_code == 400
    ended = guarded.clients.issue("ended", days=1, since=5)
    with guarded.client(ended, "merchant") as client:
        assert client.get("/v1/decisions").status_code == 400


@pytest.mark.parametrize(
    "name", ["client-cert", "Client-Cert", "CLIENT-CERT", "Client_Cert", "Client-Cert-Chain"]
)
def test_what_a_client_sends_under_that_name_is_not_believed(guarded: Guarded, name: str) -> None:
    """The header of the bound certificate, sent by the holder of another one."""
    victim = (guarded.clients.folder / "first.pem").read_bytes()
    der = ssl.PEM_cert_to_DER_cert(
        victim.split(b"-----END")[0].decode() + "-----END CERTIFICATE-----\n"
    )
    forged = ":" + base64.b64encode(der).decode() + ":"
    other = guarded.clients.issue("forger")
    with guarded.client(other, "operator", **{name: forged}) as client:
        problem(client.get("/v1/decisions"), 401, "client_certificate_differs")


def test_two_forged_headers_change_nothing(guarded: Guarded) -> None:
    other = guarded.clients.issue("forger")
    headers = [
        ("authorization", f"Bearer {guarded.keys['operator']}"), ("Client-Cert", ":AAAA:"),
        ("client-cert", ":BBBB:"),
    ]  # fmt: skip
    with guarded.client(other, "operator") as client:
        client.headers.clear()
        problem(client.get("/v1/decisions", headers=headers), 401, "client_certificate_differs")


def test_the_socket_is_for_its_group_alone(guarded: Guarded) -> None:
    assert stat.S_IMODE(guarded.path.stat().st_mode) == 0o660
    if os.geteuid() != 0:
        pytest.skip("only root can try as another user")
    code = (
        "import socket, sys\n"
        "s = socket.socket(socket.AF_UNIX)\n"
        "try: s.connect(sys.argv[1])\n"
        "except PermissionError: sys.exit(13)\n"
    )
    guarded.path.parent.chmod(0o755)
    for parent in list(guarded.path.parents)[1:4]:
        if stat.S_IMODE(parent.stat().st_mode) == 0o700:
            parent.chmod(0o711)
    done = subprocess.run(
        [shutil.which("python3", path="/usr/bin:/bin") or sys.executable, "-c", code,
         str(guarded.path)],
        user="nobody", group="nogroup", extra_groups=[], cwd="/", timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 13


def test_past_nginx_a_malformed_or_doubled_header_is_refused(guarded: Guarded) -> None:
    """Whoever may open the socket is believed; what is no RFC 9440 is refused even then."""
    key = ("authorization", f"Bearer {guarded.keys['operator']}")
    problem(guarded.beside([key]), 401, "client_certificate_missing")
    for headers, code in (
        ([key, ("client-cert", "x")], "client_certificate_malformed"),
        (
            [key, ("client-cert", ":AAAA:"), ("client-cert", ":AAAA:")],
            "client_certificate_malformed",
        ),
        ([key, ("client_cert", ":AAAA:")], "client_certificate_unexpected"),
        ([key, ("x-ssl-client-cert", "x")], "client_certificate_unexpected"),
    ):
        problem(guarded.beside(headers), 422, code)


def test_over_tcp_the_header_is_refused_and_a_bound_key_useless(
    guarded: Guarded, tmp_path: Path
) -> None:
    home, port = tmp_path / "home", free_port()
    shutil.copytree(guarded.home, home, ignore=shutil.ignore_patterns("*.lock", "*.sock"))
    with (
        serving(home, "--port", str(port)),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
    ):
        until(lambda: client.get("/readyz"), home / "serve.log")
        bound = {"authorization": f"Bearer {guarded.keys['operator']}"}
        problem(client.get("/v1/decisions", headers=bound), 401, "client_certificate_missing")
        free = {"authorization": f"Bearer {guarded.keys['merchant']}"}
        assert client.get("/v1/decisions", headers=free).status_code == 200
        forged = {**free, "client-cert": ":AAAA:"}
        refused = client.get("/v1/decisions", headers=forged)
        problem(refused, 422, "client_certificate_unexpected")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
