"""The trees of a LightGBM text model as arrays: what every leaf says about its inputs.

Guards: a model is text, parsed here and by LightGBM's own parser, never a pickle; only what we
train is accepted (numerical splits, one class, constant leaves), and every index is checked, so
that damaged text is refused and not walked.
Path attribution: a node's expectation is the mean of its leaves by training cover; walking down,
the difference of expectations goes to the input asked about. So a leaf's attribution is fixed, and
a payment's is the sum over its leaves: score less base, exactly but for rounding.
Source: Saabas 2014 (path attribution); LightGBM 4, `Tree::Tree(const char*)` (text format).
Shapes: k inputs, l leaves in all, d the deepest path.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paywarden.core.errors import InvalidRequest

MAX_OCTETS = 64 * 1024 * 1024
MAX_TREES = 5_000
Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Forest:
    """`starts` [trees]: first leaf of each tree. `base`: expected raw score.

    `inputs`, `deltas` [l, d]: input and difference of each step to a leaf; unused steps have
    input k and difference 0. `values` [l]: raw value of each leaf.
    """

    starts: Ints
    inputs: Ints
    deltas: Array
    values: Array
    base: float
    width: int

    def attribution(self, leaves: Ints) -> Array:
        """Attribution of the inputs, [k], from the leaf of every tree, [trees]."""
        places = self.starts + leaves
        total = np.bincount(
            self.inputs[places].ravel(), self.deltas[places].ravel(), self.width + 1
        )
        return np.asarray(total[: self.width], np.float64)

    def raw(self, leaves: Ints) -> float:
        """Raw score (log odds) of these leaves."""
        return float(self.values[self.starts + leaves].sum())


def read_forest(text: str, names: Sequence[str]) -> Forest:
    """Parse a text model whose inputs have these names. Errors: InvalidRequest `model_invalid`."""
    if len(text) > MAX_OCTETS:
        raise _invalid("is too large")
    head, *blocks = text.split("\nTree=")
    facts = _facts(head)
    if facts.get("num_class") != "1" or facts.get("feature_names", "").split() != list(names):
        raise _invalid("has other inputs or more than one class")
    if not blocks or len(blocks) > MAX_TREES:
        raise _invalid("has no trees, or too many")
    blocks[-1] = blocks[-1].partition("\nend of trees")[0]
    trees = [_tree(_facts(block), len(names)) for block in blocks]
    depth = max(max(map(len, paths)) for paths, _, _ in trees)
    starts = np.cumsum([0, *(len(values) for _, values, _ in trees)][:-1])
    paths = [path for tree, _, _ in trees for path in tree]
    inputs = np.full((len(paths), max(depth, 1)), len(names), np.int64)
    deltas = np.zeros(inputs.shape)
    for leaf, path in enumerate(paths):
        for step, (place, delta) in enumerate(path):
            inputs[leaf, step], deltas[leaf, step] = place, delta
    values = np.concatenate([values for _, values, _ in trees])
    base = float(sum(expected for _, _, expected in trees))
    return Forest(starts.astype(np.int64), inputs, deltas, values, base, len(names))


_Path = list[tuple[int, float]]


def _tree(facts: dict[str, str], width: int) -> tuple[list[_Path], Array, float]:
    try:
        count = int(facts["num_leaves"])
        if int(facts.get("num_cat", "0")) or facts.get("is_linear", "0") != "0":
            raise _invalid("has splits that are not numerical")
        values = np.array(facts["leaf_value"].split(), np.float64)
        if count == 1:
            return [[]], values[:1], float(values[0])
        cover = np.array(facts["leaf_count"].split(), np.float64)
        asked = np.array(facts["split_feature"].split(), np.int64)
        sides = np.array([facts[f"{side}_child"].split() for side in ("left", "right")], np.int64)
    except (KeyError, ValueError) as error:
        raise _invalid("is damaged") from error
    sizes = (len(values), len(cover), len(asked) + 1, sides.shape[1] + 1)
    inside = (asked >= 0).all() and (asked < width).all() and np.isfinite(values).all()
    if set(sizes) != {count} or not inside or (cover < 0).any():
        raise _invalid("is damaged")
    return _paths(count, asked, sides, values, cover)


def _paths(
    count: int, asked: Ints, sides: Ints, values: Array, cover: Array
) -> tuple[list[_Path], Array, float]:
    """Steps to each leaf; children have greater numbers than their parent."""
    nodes = count - 1
    mean, weight = np.zeros(nodes), np.zeros(nodes)

    def of(child: int) -> tuple[float, float]:
        if child < 0:
            return float(values[~child]), float(cover[~child])
        return float(mean[child]), float(weight[child])

    for node in range(nodes - 1, -1, -1):
        held = []
        for child in sides[:, node].tolist():
            if not (-count <= child < 0 or node < child < nodes):
                raise _invalid("is damaged")
            held.append(of(child))
        weight[node] = held[0][1] + held[1][1]
        total = weight[node] or 1.0
        mean[node] = sum(value * size for value, size in held) / total
    steps: list[_Path] = [[] for _ in range(nodes)]
    paths: list[_Path] = [[] for _ in range(count)]
    for node in range(nodes):
        for child in sides[:, node].tolist():
            path = [*steps[node], (int(asked[node]), of(child)[0] - float(mean[node]))]
            if child < 0:
                paths[~child] = path
            else:
                steps[child] = path
    return paths, values, float(mean[0])


def _facts(block: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in block.split("\n"))
    return {key: value for key, mark, value in pairs if mark}


def _invalid(what: str) -> InvalidRequest:
    return InvalidRequest("model_invalid", f"the model text {what}")
