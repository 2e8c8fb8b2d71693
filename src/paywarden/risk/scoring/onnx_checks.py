"""What an ONNX file must be before any of its octets reach a runtime.

Guards: bounded size; operators of the two standard domains only, none that holds a graph of its own
(loops, branches, scans: their time is not bounded), no functions of its own; no data in other
files; at most MOST_NODES nodes; an input tensor of float32 with exactly the declared inputs, and an
output tensor of float or double that has the declared column. What is not stated is refused.
Order: size, form, versions, operators, data, tensors.
Source: onnx.proto (ModelProto, GraphProto, NodeProto, TensorProto, ValueInfoProto), field numbers.
Not done here: whether the numbers make sense; that the runtime can load it (`onnx_engine.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

from paywarden.core.errors import InvalidRequest, TooLarge
from paywarden.risk.scoring.protobuf import BYTES, fields

MAX_OCTETS = 64 * 1024 * 1024
MOST_NODES = 10_000
STANDARD = frozenset({"", "ai.onnx", "ai.onnx.ml"})
FLOAT, DOUBLE = 1, 11
MOST_IR, MOST_OPSET = 13, {"": 26, "ai.onnx": 26, "ai.onnx.ml": 5}
_IR, _GRAPH, _OPSETS, _FUNCTIONS = 1, 7, 8, 25
_NODE, _INITIAL, _INPUT, _OUTPUT, _SPARSE = 1, 5, 11, 12, 15
_EXTERNAL, _LOCATION = 13, 14

Tensor = tuple[int, tuple[int | None, ...]]
"""Type of the elements, and the size of each dimension, None where it is open."""


def check_onnx(content: bytes, tensor: str, output: str, column: int, width: int) -> None:
    """Refuse what must not run. Errors: TooLarge `onnx_too_large`; InvalidRequest `onnx_invalid`,
    `onnx_version`, `onnx_operators`, `onnx_external`, `onnx_inputs`, `onnx_output`."""
    if len(content) > MAX_OCTETS:
        raise TooLarge("onnx_too_large", f"has over {MAX_OCTETS} octets")
    try:
        graph = _graph(memoryview(content))
        _operators(graph)
        _tensors(graph, tensor, output, column, width)
    except (ValueError, UnicodeDecodeError) as error:
        raise InvalidRequest("onnx_invalid", "is no ONNX model") from error


def _graph(model: memoryview) -> memoryview:
    graphs, version, opsets = [], 0, []
    for number, kind, value, part in fields(model):
        if number == _IR:
            version = value
        elif number == _OPSETS and kind == BYTES:
            opsets.append(_opset(part))
        elif number == _FUNCTIONS:
            raise InvalidRequest("onnx_operators", "it defines functions of its own; inline them")
        elif number == _GRAPH and kind == BYTES:
            graphs.append(part)
    if len(graphs) != 1:
        raise ValueError("not one graph")
    if not 0 < version <= MOST_IR or not opsets:
        raise InvalidRequest(
            "onnx_version", f"its form has version {version}; at most {MOST_IR} is read"
        )
    for domain, opset in opsets:
        _domain(domain)
        if opset > MOST_OPSET[domain]:
            detail = f"operators of version {opset}; at most {MOST_OPSET[domain]} are read"
            raise InvalidRequest("onnx_version", detail)
    return graphs[0]


def _domain(name: str) -> None:
    if name not in STANDARD:
        detail = f"it uses operators of `{name[:40]}`; only the standard ones run here"
        raise InvalidRequest("onnx_operators", detail)


def _opset(part: memoryview) -> tuple[str, int]:
    domain, version = "", 0
    for number, _kind, value, content in fields(part):
        if number == 1:
            domain = str(content, "utf-8")
        elif number == 2:
            version = value
    return domain, version


def _operators(graph: memoryview) -> None:
    nodes = 0
    for number, kind, _value, part in fields(graph):
        if number == _NODE and kind == BYTES:
            nodes += 1
            _node(part)
        elif number == _INITIAL:
            _data(part)
        elif number == _SPARSE:
            raise InvalidRequest("onnx_operators", "it holds sparse tensors; make them dense")
    if not 0 < nodes <= MOST_NODES:
        raise InvalidRequest("onnx_operators", f"it has {nodes} nodes; 1 to {MOST_NODES} are taken")


def _node(node: memoryview) -> None:
    for number, _kind, _value, part in fields(node):
        if number == 7:
            _domain(str(part, "utf-8"))
        if number == 5:
            _attribute(part)


def _attribute(attribute: memoryview) -> None:
    for number, _kind, _value, part in fields(attribute):
        if number in (6, 11):  # g, graphs
            detail = "it holds loops or branches, whose time is not bounded"
            raise InvalidRequest("onnx_operators", detail)
        if number in (5, 10):  # t, tensors
            _data(part)
        elif number in (22, 23):  # sparse tensors
            raise InvalidRequest("onnx_operators", "it holds sparse tensors; make them dense")


def _data(tensor: memoryview) -> None:
    for number, _kind, value, _part in fields(tensor):
        if number == _EXTERNAL or (number == _LOCATION and value):
            detail = "its numbers lie in other files; save it as one file"
            raise InvalidRequest("onnx_external", detail)


# --- tensors ------------------------------------------------------------------------------------


def _tensors(graph: memoryview, tensor: str, output: str, column: int, width: int) -> None:
    given = dict(_infos(graph, _INPUT))
    initial = {_text(part, 8) for number, _k, _v, part in fields(graph) if number == _INITIAL}
    asked = {name: info for name, info in given.items() if name not in initial}
    if list(asked) != [tensor]:
        detail = f"it takes {', '.join(sorted(asked))[:80]}; the map names `{tensor[:40]}` alone"
        raise InvalidRequest("onnx_inputs", detail)
    element, shape = asked[tensor]
    if element != FLOAT or len(shape) != 2 or shape[1] != width:
        detail = f"its input is no float32 tensor [n, {width}], as the map has {width} inputs"
        raise InvalidRequest("onnx_inputs", detail)
    answers = dict(_infos(graph, _OUTPUT))
    if output not in answers:
        raise InvalidRequest("onnx_output", f"it has no output `{output[:40]}`")
    element, shape = answers[output]
    last = shape[1] if len(shape) == 2 else 1
    if element not in (FLOAT, DOUBLE) or len(shape) not in (1, 2) or last is None:
        raise InvalidRequest("onnx_output", "its output is no tensor of numbers [n] or [n, m]")
    if not 0 <= column < last:
        raise InvalidRequest(
            "onnx_output", f"its output has {last} columns, the map names {column}"
        )


def _infos(graph: memoryview, wanted: int) -> Iterator[tuple[str, Tensor]]:
    for number, _kind, _value, part in fields(graph):
        if number == wanted:
            yield _text(part, 1), _type(part)


def _type(info: memoryview) -> Tensor:
    element: int = 0
    shape: tuple[int | None, ...] = ()
    for kind in _parts(info, 2):
        for tensor in _parts(kind, 1):
            for number, _kind, value, part in fields(tensor):
                if number == 1:
                    element = value
                elif number == 2:
                    shape = tuple(_size(one) for one in _parts(part, 1))
    return element, shape


def _size(dimension: memoryview) -> int | None:
    sizes = [value for number, _kind, value, _part in fields(dimension) if number == 1]
    return sizes[0] if sizes else None


def _parts(message: memoryview, wanted: int) -> list[memoryview]:
    return [part for number, kind, _v, part in fields(message) if (number, kind) == (wanted, BYTES)]


def _text(message: memoryview, wanted: int) -> str:
    found = _parts(message, wanted)
    return str(found[0], "utf-8") if found else ""
