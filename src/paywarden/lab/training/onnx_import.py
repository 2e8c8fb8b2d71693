"""A model from elsewhere: an ONNX file and a map of its inputs into a signed model of this house.

    text: what it is, for the card
    base_currency: EUR              # of the amounts that it was trained on
    onnx:
      input: features               # the tensor that it takes, float32 [n, k]
      output: probabilities         # the tensor that it answers with
      column: 1                     # of the output, where it has several
      missing: -1                   # what stands for a missing value; NaN where this is left out
      missing_of: {amount: 0}       # the same for one input
    categories: {channel: {pos: 0, ecommerce: 1}}
    calibration: {logits: [-4, 4], probabilities: [0.01, 0.9]}   # left out: taken as it is
    thresholds: {challenge: 0.3, block: 0.9, budget: 0.01}
    inputs: [...]                   # as in a recipe, in the order of the tensor's columns

Guards: every input is an expression that is checked as those of our own models are; a text needs
its categories, and categories need a text. The file is checked before a runtime sees it
(`risk.scoring.onnx_checks`) and answers once with everything missing before it is signed. Nothing
of the file is believed but its octets: whoever signs it answers for where it comes from.
Not done here: keys and arguments (`paywarden.cli.models`), serving (`risk.scoring.scorer`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from paywarden.core.errors import InvalidRequest, TooLarge
from paywarden.evidence.note import SigningKey
from paywarden.lab.training.card_text import card_text, listed_inputs
from paywarden.risk.rules.fields import Fields
from paywarden.risk.rules.findings import Findings
from paywarden.risk.rules.yaml_source import Items, Scalar, Table, parse_yaml
from paywarden.risk.scoring.artefact import Artefact, Operating, write_artefact
from paywarden.risk.scoring.calibration import IDENTITY, Calibration, read_calibration
from paywarden.risk.scoring.onnx_body import OnnxBody
from paywarden.risk.scoring.onnx_checks import MAX_OCTETS
from paywarden.risk.scoring.onnx_engine import OnnxEngine
from paywarden.risk.scoring.recipe import Input, compile_inputs, inputs_in

KEYS = (
    "text", "base_currency", "onnx", "categories", "calibration", "thresholds", "inputs",
)  # fmt: skip
MOST_MAP_OCTETS = 2 * 1024 * 1024
LARGEST = 3.4e38
PURPOSE = "A model from elsewhere; who signed it answers for what it was made from."
LIMITS = (
    "How it was trained, on what, and how good it is, is not known here: try it in shadow first.",
    "Reasons are found by leaving out one input after the other; they need not add up.",
    "Without a reference of its training inputs, drift of its inputs cannot be judged.",
)


def import_onnx(file: Path, map_file: Path, out: Path, signer: SigningKey) -> dict[str, Any]:
    """Check, sign and write; answers name, folder and inputs.

    Errors: PolicyErrors of the map with every place; InvalidRequest `onnx_...`, `input_invalid`,
    `categories_misplaced`, `calibration_invalid`, `model_unwritable`; TooLarge;
    Unavailable `onnxruntime_missing`.
    """
    content = _octets(file, MAX_OCTETS, "onnx_too_large")
    described = _octets(map_file, MOST_MAP_OCTETS, "map_too_large")
    artefact, text = read_map(map_file.name, described, content)
    assert artefact.onnx is not None
    OnnxEngine(artefact.onnx, [one.name for one in artefact.inputs])  # it loads, and answers once
    card = _card(artefact, text, file, content, map_file, described)
    name = write_artefact(out, artefact, card, markdown_of(card), signer)
    return {
        "model": name,
        "folder": str(out / name),
        "verifier": signer.verifier.text,
        "inputs": len(artefact.inputs),
        "version": artefact.version,
        "operating": card["operating"],
    }


def read_map(name: str, described: bytes, content: bytes) -> tuple[Artefact, str]:
    """A map and the octets of its model, not yet checked, as an artefact; and what it says it is.

    Errors: PolicyErrors, InvalidRequest.
    """
    findings = Findings()
    top = parse_yaml(name, described, findings)
    findings.raise_errors()
    if not isinstance(top, Table):
        raise InvalidRequest("map_invalid", "the map holds no `key: value` pairs", pointer=name)
    fields = Fields(top, name, KEYS, findings)
    inputs = inputs_in(fields, findings)
    body = _body(fields, content, inputs, findings)
    categories = _categories(fields, findings)
    calibration, operating = _calibration(fields, findings), _operating(fields, findings)
    base, text = fields.text("base_currency", required=True), fields.text("text")
    findings.raise_errors()
    _fitting(inputs, categories)
    artefact = Artefact("", 0, inputs, categories, calibration, operating, base, {}, onnx=body)
    return artefact, text


def _body(
    fields: Fields, content: bytes, inputs: tuple[Input, ...], findings: Findings
) -> OnnxBody:
    table = fields.table_of("onnx")
    if table is None:
        fields.missing("onnx")
        return OnnxBody(content, "", "", 0, {}, None)
    own = Fields(
        table, "`onnx`", ("input", "output", "column", "missing", "missing_of"), findings
    )  # fmt: skip
    missing = _numbers(own, "missing_of", findings)
    names = {one.name for one in inputs}
    for name in sorted(missing.keys() - names):
        own.wrong(own.place("missing_of"), f"missing_of.{name}", "of an input of the map")
    return OnnxBody(
        content,
        own.text("input", required=True),
        own.text("output", required=True),
        own.integer("column", 0, 1_000),
        missing,
        own.number("missing", -LARGEST, LARGEST),
    )


def _numbers(fields: Fields, key: str, findings: Findings) -> dict[str, float]:
    table = fields.table_of(key)
    if table is None:
        return {}
    own = Fields(table, f"`{key}`", tuple(table.entries), findings)
    found = {name: own.number(name, -LARGEST, LARGEST) for name in table.entries}
    return {name: float(value) for name, value in found.items() if value is not None}


def _categories(fields: Fields, findings: Findings) -> dict[str, dict[str, float]]:
    table = fields.table_of("categories")
    if table is None:
        return {}
    own = Fields(table, "`categories`", tuple(table.entries), findings)
    return {name: _numbers(own, name, findings) for name in table.entries}


def _calibration(fields: Fields, findings: Findings) -> Calibration:
    table = fields.table_of("calibration")
    if table is None:
        return Calibration(1.0, IDENTITY, (), ())
    own = Fields(table, "`calibration`", ("kept", "logits", "probabilities"), findings)
    kept = own.number("kept", 1e-9, 1.0)
    return read_calibration(
        {
            "kept": 1.0 if kept is None else kept,
            "method": "given",
            "logits": _row(own, "logits"),
            "probabilities": _row(own, "probabilities"),
        }
    )


def _row(fields: Fields, key: str) -> list[float]:
    node = fields.node(key)
    items = node.items if isinstance(node, Items) else ()
    found = [item.value for item in items if isinstance(item, Scalar)]
    numbers = [float(one) for one in found if isinstance(one, int | float)]
    if not numbers or len(numbers) != len(items):
        fields.wrong(fields.place(key), key, "a list of numbers")
    return numbers


def _operating(fields: Fields, findings: Findings) -> Operating:
    table = fields.table_of("thresholds")
    if table is None:
        fields.missing("thresholds")
        return Operating(1.0, 1.0, 0.01)
    own = Fields(table, "`thresholds`", ("challenge", "block", "budget"), findings)
    levels = [own.number(key, 0.0, 1.0) for key in ("challenge", "block", "budget")]
    challenge, block, budget = (1.0 if one is None else one for one in levels)
    return Operating(challenge, block, 0.01 if levels[2] is None else budget)


def _fitting(inputs: tuple[Input, ...], categories: Mapping[str, Mapping[str, float]]) -> None:
    """Texts have categories, and nothing else has. Errors: InvalidRequest."""
    texts = {one.input.name for one in compile_inputs(inputs).inputs if one.kind == "string"}
    for name in sorted(texts ^ categories.keys()):
        detail = "it is a text and needs `categories`" if name in texts else "it is no text"
        raise InvalidRequest("categories_misplaced", detail, pointer=name)


def _octets(path: Path, most: int, code: str) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        detail = "there is no such file, or it cannot be read"
        raise InvalidRequest("file_unreadable", detail, pointer=str(path)) from error
    if len(content) > most:
        raise TooLarge(code, f"has over {most} octets", pointer=path.name)
    return content


def _card(
    artefact: Artefact, text: str, file: Path, content: bytes, map_file: Path, described: bytes
) -> dict[str, Any]:
    assert artefact.operating is not None and artefact.calibration is not None
    operating = artefact.operating
    return {
        "purpose": text or PURPOSE,
        "limits": list(LIMITS),
        "source": {
            "file": file.name,
            "file sha256": hashlib.sha256(content).hexdigest(),
            "map": map_file.name,
            "map sha256": hashlib.sha256(described).hexdigest(),
        },
        "version": artefact.version,
        "base_currency": artefact.base_currency,
        "inputs": [
            {"name": one.name, "is": one.text, "reason": one.reason} for one in artefact.inputs
        ],
        "operating": {
            "challenge": operating.challenge,
            "block": operating.block,
            "budget": operating.budget,
        },
        "calibration_method": artefact.calibration.method,
    }


def markdown_of(card: Mapping[str, Any]) -> str:
    """The card for people."""
    operating = card["operating"]
    made_from = [
        f"inputs {card['version']}, amounts in {card['base_currency']}",
        f"calibration: {card['calibration_method']}; challenge from {operating['challenge']:g}, "
        f"decline from {operating['block']:g}",
    ]
    return card_text(card, made_from, listed_inputs(card))
