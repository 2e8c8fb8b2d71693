"""`paywarden sign request|explain`: make the headers of a request, or find why one is refused.

`explain` takes a request as it was received and shows both strings to sign, ours by the profile and
the sender's by its own Signature-Input, with the first difference. It needs no key and tells
nothing about keys. Not done here: sending (`curl`, or `paywarden.client`).
"""

from __future__ import annotations

import argparse
import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from paywarden.cli import output
from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import MICROSECONDS
from paywarden.core.message_signature import (
    LIFETIME_LIMIT_SECONDS,
    RequestParts,
    authority,
    content_digest,
    request_parameters,
    signature_base,
    signature_field,
)
from paywarden.core.secret import Secret
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.kit.http.signing.keys import Algorithm, HmacKey, SigningKey, load_private

_INPUT = re.compile(r"[^=\s]{1,64}=(\(([^()]*)\).*)", re.DOTALL)
_ITEM = re.compile(r'"([^"]*)"([^\s"]*)')
_SIGNABLE = [one.value for one in Algorithm if one is not Algorithm.RSA2]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `sign`."""
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    request = _act(acts, "request", "headers that sign a request")
    request.add_argument("--key-id", required=True)
    request.add_argument("--algorithm", choices=_SIGNABLE, required=True)
    request.add_argument("--key", type=Path, required=True, metavar="FILE",
                         help="private key (PEM or DER), or an HMAC secret in base 64")  # fmt: skip
    request.add_argument("--content-type", default="application/json")
    request.add_argument("--idempotency-key")
    request.add_argument("--seconds", type=int, default=60, help="until it expires (1 to 300)")
    explain = _act(acts, "explain", "both strings to sign, and where they differ")
    explain.add_argument("--headers", type=Path, required=True, metavar="FILE",
                         help="received headers, one `name: value` a line")  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Make headers, or explain: 0 when both strings are alike, 1 when they differ."""
    body = b"" if arguments.body is None else _read(arguments.body, "--body")
    if arguments.act == "request":
        headers = signed_headers(arguments, body)
        words = "\n".join(f"{name}: {value}" for name, value in headers.items())
        output.answer(arguments, {"headers": headers}, words)
        return output.DONE
    headers = received(_read(arguments.headers, "--headers"))
    found = explained(arguments.method, _url(arguments.url), headers, body)
    output.answer(arguments, found, _words(found))
    return output.DONE if found["first_difference"] is None else output.NOT_SO


def signed_headers(arguments: argparse.Namespace, body: bytes) -> dict[str, str]:
    """Headers of a signed request. Errors: InvalidRequest."""
    if not 1 <= arguments.seconds <= LIFETIME_LIMIT_SECONDS:
        raise InvalidRequest("lifetime_invalid", "seconds are 1 to 300", pointer="--seconds")
    key = _key(Algorithm(arguments.algorithm), _read(arguments.key, "--key"))
    parts = _parts(arguments.method, _url(arguments.url), arguments.idempotency_key, body,
                   arguments.content_type)  # fmt: skip
    created = SystemClock().now_us() // MICROSECONDS
    nonce = base64.urlsafe_b64encode(SystemRandomness().octets(18)).decode()
    parameters = request_parameters(
        parts, created, arguments.key_id, arguments.algorithm, created + arguments.seconds, nonce
    )
    told = {
        "Content-Type": parts.content_type,
        "Content-Digest": parts.content_digest,
        "Idempotency-Key": parts.idempotency_key or "",
        "Signature-Input": f"sig1={parameters}",
        "Signature": signature_field(key.sign(parts.base(parameters))),
    }
    return {name: value for name, value in told.items() if value}


def explained(
    method: str, url: SplitResult, headers: Mapping[str, str], body: bytes
) -> dict[str, Any]:
    """Both strings to sign of a received request, and the first place where they differ."""
    match = _INPUT.fullmatch(headers.get("signature-input", ""))
    if match is None:
        raise InvalidRequest(
            "signature_input_missing", "the headers hold no readable Signature-Input"
        )
    parts = _parts(method, url, headers.get("idempotency-key"), body,
                   headers.get("content-type", ""))  # fmt: skip
    after = match[1].partition(")")[2]
    ours = parts.base(f"({parts.components}){after}").decode("latin-1")
    lines = [(f'"{name}"{rest}', _value(name, parts, url, headers))
             for name, rest in _ITEM.findall(match[2])]  # fmt: skip
    theirs = signature_base(lines, match[1]).decode("latin-1")
    return {"ours": ours, "theirs": theirs, "first_difference": _difference(ours, theirs)}


def received(octets: bytes) -> dict[str, str]:
    """Headers of a file, names in lower case. Errors: InvalidRequest."""
    found: dict[str, str] = {}
    for number, line in enumerate(octets.decode("latin-1").splitlines(), 1):
        name, colon, value = line.partition(":")
        if not line.strip() or not colon:
            continue  # a request line, or the empty line at the end
        key = name.strip().lower()
        if key in found:
            raise InvalidRequest(
                "header_repeated", f"{key} is there twice", pointer=f"--headers:{number}"
            )
        found[key] = value.strip()
    return found


def _difference(ours: str, theirs: str) -> dict[str, Any] | None:
    if ours == theirs:
        return None
    pairs = zip((*ours, ""), (*theirs, ""), strict=False)
    place = next(number for number, (a, b) in enumerate(pairs) if a != b)
    line = ours.count("\n", 0, place)
    return {
        "offset": place,
        "line": line + 1,
        "column": place - (ours.rfind("\n", 0, place) + 1) + 1,
        "ours": _line(ours, line),
        "theirs": _line(theirs, theirs.count("\n", 0, place)),
    }


def _line(text: str, number: int) -> str:
    lines = text.split("\n")
    return lines[number] if number < len(lines) else ""


def _words(found: Mapping[str, Any]) -> str:
    words = f"ours:\n{found['ours']}\n\ntheirs:\n{found['theirs']}\n\n"
    where = found["first_difference"]
    if where is None:
        return f"{words}Both are alike: the key, its secret or the signature itself is another one."
    mark = " " * (where["column"] - 1) + "^"
    return (
        f"{words}They differ first in line {where['line']}, column {where['column']}:\n"
        f"  ours    {where['ours']}\n  theirs  {where['theirs']}\n          {mark}"
    )


def _value(name: str, parts: RequestParts, url: SplitResult, headers: Mapping[str, str]) -> str:
    known = {
        "@method": parts.method,
        "@authority": parts.authority,
        "@path": parts.path,
        "@query": parts.query,
        "@scheme": url.scheme,
        "@target-uri": url.geturl(),
        "@request-target": parts.path + (f"?{url.query}" if url.query else ""),
    }
    return known.get(name, headers.get(name, "<not in this request>"))


def _parts(
    method: str, url: SplitResult, key: str | None, body: bytes, content_type: str
) -> RequestParts:
    return RequestParts(
        method.upper(),
        authority(url.netloc, url.scheme),
        url.path or "/",
        f"?{url.query}",
        content_digest(body) if body else "",
        content_type if body else "",
        key,
    )


def _act(acts: Any, name: str, text: str) -> argparse.ArgumentParser:
    sub: argparse.ArgumentParser = acts.add_parser(name, help=text, description=text)
    sub.add_argument("method")
    sub.add_argument("url")
    sub.add_argument("--body", type=Path, metavar="FILE")
    sub.add_argument("--json", action="store_true", help="one JSON document on standard output")
    return sub


def _key(algorithm: Algorithm, octets: bytes) -> SigningKey:
    if algorithm is not Algorithm.HMAC:
        return load_private(algorithm, octets)
    try:
        return HmacKey(Secret(base64.b64decode(octets.strip(), validate=True)))
    except ValueError:
        raise InvalidRequest(
            "signing_key_unfit", "an HMAC secret stands in base 64", pointer="--key"
        ) from None


def _url(text: str) -> SplitResult:
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.netloc or "@" in url.netloc:
        raise InvalidRequest("url_invalid", "give the whole address, https://...", pointer="url")
    return url


def _read(path: Path, pointer: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise InvalidRequest(
            "file_unreadable", f"{path}: {fault.strerror}", pointer=pointer
        ) from None
