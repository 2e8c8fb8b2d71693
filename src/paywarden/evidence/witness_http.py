"""The witness' socket: `POST /add-checkpoint` and `GET /key` over plain HTTP.

Guards: one request at a time (so that remembering and signing cannot be interleaved), bodies within
64 KiB, a connection that is silent for `SILENCE_SECONDS` is dropped. TLS and limits per caller are
a proxy's, when it stands on another machine. Standard library only: a witness loads little.
"""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Final

from paywarden.evidence.note import VerifierKey
from paywarden.evidence.witness import BODY_LIMIT_OCTETS, Reply, Witness
from paywarden.kit.log import logger

SILENCE_SECONDS: Final = 5.0


def server(address: tuple[str, int], witness: Witness, key: VerifierKey) -> HTTPServer:
    """A server bound to `address`; `serve_forever` runs it."""

    class Handler(BaseHTTPRequestHandler):
        timeout = SILENCE_SECONDS
        server_version = "paywarden-witness"
        sys_version = ""

        def do_POST(self) -> None:
            self._reply(self._added())

        def do_GET(self) -> None:
            found = self.path == "/key"
            self._reply(Reply(200, key.text + "\n") if found else _absent())

        def _added(self) -> Reply:
            if self.path != "/add-checkpoint":
                return _absent()
            length = self.headers.get("content-length", "")
            if not (length.isascii() and length.isdigit()) or int(length) > BODY_LIMIT_OCTETS:
                return Reply(413, "send at most 64 KiB with a content-length\n")
            return witness.add_checkpoint(self.rfile.read(int(length)))

        def _reply(self, reply: Reply) -> None:
            octets = reply.body.encode()
            self.send_response(reply.status)
            self.send_header("content-type", reply.content_type)
            self.send_header("content-length", str(len(octets)))
            self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(octets)
            self.close_connection = True

        def log_message(self, _format: str, *_given: Any) -> None:
            """Requests are not logged; what is refused as inconsistent is, by the witness."""

        def log_request(self, code: Any = "-", _size: Any = "-") -> None:
            logger().info("witness_answered", status=int(code))

    return HTTPServer(address, Handler)


def _absent() -> Reply:
    return Reply(404, "nothing lives at this path\n")
