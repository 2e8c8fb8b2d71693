"""Trees of our own making in the text form of LightGBM, so that its library serves them.

Guards: what is written here is read back by `forest.py` and by LightGBM alike: a value goes left
when it is at most the cut, and a missing one always. Nodes are numbered parents first.
Source: LightGBM 4, `Tree::ToString`; decision type 10: missing is NaN and goes left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_LEFT_WHEN_MISSING = "10"


@dataclass(frozen=True, slots=True)
class Node:
    """A cut with two sides, or a leaf with a value. `count`: rows that came here."""

    count: int
    place: int = -1
    cut: float = 0.0
    left: Node | None = None
    right: Node | None = None
    value: float = 0.0


def forest_text(trees: Sequence[Node], names: Sequence[str]) -> str:
    """A model whose output is the sum of the leaves."""
    head = [
        "tree",
        "version=v4",
        "num_class=1",
        "num_tree_per_iteration=1",
        "label_index=0",
        f"max_feature_idx={len(names) - 1}",
        "objective=regression",
        f"feature_names={' '.join(names)}",
        f"feature_infos={' '.join('none' for _ in names)}",
    ]
    blocks = [_block(number, tree) for number, tree in enumerate(trees)]
    return "\n".join(head) + "\n\n" + "\n\n".join(blocks) + "\n\nend of trees\n"


class _Flat:
    """Columns of one tree; leaves are numbered from the left, a leaf n stands as ~n."""

    def __init__(self, root: Node) -> None:
        self.cuts: list[Node] = []
        self.leaves: list[Node] = []
        self.children: list[tuple[int, int]] = []
        self._add(root)

    def _add(self, node: Node) -> int:
        if node.left is None or node.right is None:
            self.leaves.append(node)
            return ~(len(self.leaves) - 1)
        number = len(self.cuts)
        self.cuts.append(node)
        self.children.append((0, 0))
        self.children[number] = (self._add(node.left), self._add(node.right))
        return number


def _block(number: int, root: Node) -> str:
    flat = _Flat(root)
    cuts, leaves = flat.cuts, flat.leaves

    def joined(values: Sequence[object]) -> str:
        return " ".join(map(str, values))

    nothing = joined([0] * len(cuts))
    lines = {
        "num_leaves": len(leaves),
        "num_cat": 0,
        "split_feature": joined([node.place for node in cuts]),
        "split_gain": nothing,
        "threshold": joined([repr(node.cut) for node in cuts]),
        "decision_type": joined([_LEFT_WHEN_MISSING] * len(cuts)),
        "left_child": joined([left for left, _ in flat.children]),
        "right_child": joined([right for _, right in flat.children]),
        "leaf_value": joined([repr(node.value) for node in leaves]),
        "leaf_weight": joined([node.count for node in leaves]),
        "leaf_count": joined([node.count for node in leaves]),
        "internal_value": nothing,
        "internal_weight": nothing,
        "internal_count": joined([node.count for node in cuts]),
        "is_linear": 0,
        "shrinkage": 1,
    }
    return "\n".join([f"Tree={number}", *(f"{name}={value}" for name, value in lines.items())])
