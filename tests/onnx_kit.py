"""Small ONNX models written field by field, good ones and bad ones, without any ONNX package.

Source: onnx.proto; every function answers with the octets of one message.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def part(field: int, content: bytes | str) -> bytes:
    octets = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(octets)) + octets


def info(name: str, shape: Sequence[int | str], element: int = 1) -> bytes:
    sizes = [part(1, number(1, one) if isinstance(one, int) else part(2, one)) for one in shape]
    tensor = number(1, element) + part(2, b"".join(sizes))
    return part(1, name) + part(2, part(1, tensor))


def tensor(name: str, shape: Sequence[int], values: Sequence[float], more: bytes = b"") -> bytes:
    raw = struct.pack(f"<{len(values)}f", *values)
    sizes = b"".join(number(1, size) for size in shape)
    return sizes + number(2, 1) + part(8, name) + part(9, raw) + more


def node(kind: str, given: Sequence[str], made: Sequence[str], more: bytes = b"") -> bytes:
    names = b"".join(part(1, one) for one in given) + b"".join(part(2, one) for one in made)
    return names + part(4, kind) + more


def model(
    graph: bytes, *, opset: int = 13, domain: str = "", ir: int = 8, more: bytes = b""
) -> bytes:
    opsets = part(8, number(2, opset)) + (
        part(8, part(1, domain) + number(2, 1)) if domain else b""
    )
    return number(1, ir) + part(7, graph) + opsets + more


def logistic(
    weights: Sequence[float],
    bias: float,
    *,
    width: int | None = None,
    nodes: Sequence[bytes] = (),
    initial: bytes = b"",
    element: int = 1,
    columns: int = 1,
    **outer: object,
) -> bytes:
    """sigmoid(x . weights + bias): input `x` [n, k], output `p` [n, columns]."""
    k = len(weights)
    weight = [one for one in weights for _ in range(columns)]
    graph = [
        part(1, node("Gemm", ("x", "w", "b"), ("z",))),
        part(1, node("Sigmoid", ("z",), ("p",))),
        *(part(1, one) for one in nodes),
        part(2, "g"),
        part(5, tensor("w", (k, columns), weight)),
        part(5, tensor("b", (columns,), [bias] * columns)),
        initial,
        part(11, info("x", ("n", k if width is None else width), element)),
        part(12, info("p", ("n", columns))),
    ]
    return model(b"".join(graph), **outer)  # type: ignore[arg-type]


MAP = """\
text: logistic regression of a partner
base_currency: EUR
onnx: {input: x, output: p, missing: 0}
thresholds: {challenge: 0.5, block: 0.95}
categories: {channel: {pos: 0, ecommerce: 1}}
inputs:
  - {name: amount, is: payment.amount_minor, reason: UNUSUAL_AMOUNT}
  - {name: device_day, is: 'count(device, "1d")', reason: MANY_PAYMENTS}
  - {name: channel, is: payment.channel, reason: KIND_OF_PAYMENT}
"""
WEIGHTS, BIAS = (0.00002, 0.3, 0.5), -4.0
