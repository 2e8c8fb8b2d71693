"""Trees of LightGBM as an ONNX model, written field by field, so that both run the same trees.

For measuring alone: thresholds become float32, so a value next to one may take the other side.
Source: onnx.proto; ai.onnx.ml, TreeEnsembleRegressor version 1.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import lightgbm

from paywarden.risk.scoring.onnx_body import OnnxBody


def onnx_of(trees_text: str, width: int) -> OnnxBody:
    """A model of the same trees: input `x` [n, width], output `p` [n, 1], NaN for missing."""
    columns: dict[str, list[Any]] = {name: [] for name in (*_NODES, *_TARGETS)}
    for number, tree in enumerate(lightgbm.Booster(model_str=trees_text).dump_model()["tree_info"]):
        _flatten(number, tree["tree_structure"], columns)
    ensemble = _part(1, "x") + _part(2, "z") + _part(4, "TreeEnsembleRegressor")
    ensemble += b"".join(_part(5, _attribute(name, held)) for name, held in columns.items())
    ensemble += _part(5, _attribute("n_targets", 1)) + _part(7, "ai.onnx.ml")
    sigmoid = _part(1, "z") + _part(2, "p") + _part(4, "Sigmoid")
    graph = _part(1, ensemble) + _part(1, sigmoid) + _part(2, "trees")
    graph += _part(11, _tensor("x", width)) + _part(12, _tensor("p", 1))
    opsets = _part(8, _number(2, 13)) + _part(8, _part(1, "ai.onnx.ml") + _number(2, 1))
    return OnnxBody(_number(1, 8) + _part(7, graph) + opsets, "x", "p", 0, {}, None)


_NODES = (
    "nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_values", "nodes_modes",
    "nodes_truenodeids", "nodes_falsenodeids", "nodes_missing_value_tracks_true",
)  # fmt: skip
_TARGETS = ("target_treeids", "target_nodeids", "target_ids", "target_weights")


def _flatten(tree: int, root: Any, columns: dict[str, list[Any]]) -> None:
    counted = 0

    def add(node: Any) -> int:
        nonlocal counted
        here, counted = counted, counted + 1
        leaf = "leaf_value" in node
        row = [tree, here, 0, 0.0, "LEAF", 0, 0, 0]
        if not leaf:
            left = int(node["default_left"])
            row = [tree, here, node["split_feature"], float(node["threshold"]), "BRANCH_LEQ", 0, 0,
                   left]  # fmt: skip
        place = len(columns["nodes_treeids"])
        for name, value in zip(_NODES, row, strict=True):
            columns[name].append(value)
        if leaf:
            for name, value in zip(_TARGETS, (tree, here, 0, node["leaf_value"]), strict=True):
                columns[name].append(value)
        else:
            columns["nodes_truenodeids"][place] = add(node["left_child"])
            columns["nodes_falsenodeids"][place] = add(node["right_child"])
        return here

    add(root)


def _attribute(name: str, held: Any) -> bytes:
    if isinstance(held, int):
        return _part(1, name) + _number(3, held) + _number(20, 2)
    if isinstance(held[0], str):
        return _part(1, name) + b"".join(_part(9, one) for one in held) + _number(20, 8)
    if isinstance(held[0], float):
        packed = struct.pack(f"<{len(held)}f", *held)
        return _part(1, name) + _part(7, packed) + _number(20, 6)
    return _part(1, name) + b"".join(_number(8, one) for one in held) + _number(20, 7)


def _tensor(name: str, width: int) -> bytes:
    shape: Sequence[bytes] = (_part(2, "n"), _number(1, width))
    sizes = b"".join(_part(1, size) for size in shape)
    return _part(1, name) + _part(2, _part(1, _number(1, 1) + _part(2, sizes)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _part(field: int, content: bytes | str) -> bytes:
    octets = content.encode() if isinstance(content, str) else content
    return _varint(field << 3 | 2) + _varint(len(octets)) + octets


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
