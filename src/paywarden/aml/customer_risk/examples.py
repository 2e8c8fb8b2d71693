"""Examples of a model, run as tests: facts in, the level and the score that must come out.

Guards: a model whose examples do not come out is never handed out; every example names what it
expects. Facts of an example are checked against the catalogue like everything else in the file.
"""

from __future__ import annotations

from typing import Any, Final

from paywarden.aml.customer_risk.facts import FACTS
from paywarden.aml.customer_risk.model import LEVEL_WORDS, RiskModel
from paywarden.aml.customer_risk.model_reader import ModelFaults, read_model
from paywarden.aml.customer_risk.scoring import assess
from paywarden.risk.rules.cel.bindings import declared
from paywarden.risk.rules.cel.values import Failure
from paywarden.risk.rules.fields import Fields
from paywarden.risk.rules.findings import Findings, one_of
from paywarden.risk.rules.yaml_source import Items, Node, Scalar, Table

EXAMPLES: Final = 500
_KEYS: Final = ("name", "given", "level", "score", "factors")


def checked_model(text: str, file: str = "model.yaml") -> RiskModel:
    """The model of a text, its examples passed. Errors: ModelFaults."""
    model, examples = read_model(text, file)
    findings = Findings()
    for number, item in enumerate(examples.items if examples else ()):
        if not isinstance(item, Table) or number >= EXAMPLES:
            findings.error(item.source, "bad_value", "this is no example",
                           f"write mappings, {EXAMPLES} at most")  # fmt: skip
        else:
            _run(model, item, findings)
    if findings.failed:
        raise ModelFaults(findings)
    return model


def _run(model: RiskModel, item: Table, findings: Findings) -> None:
    fields = Fields(item, "an example", _KEYS, findings)
    given = fields.table_of("given")
    if given is None:
        fields.missing("given")
        return
    facts = _facts(given, findings)
    level, score = fields.scalar("level"), fields.integer("score", 0, 100, -1)
    wanted = fields.known_words("factors", "factor", {one.id for one in model.factors})
    if level is None and score < 0 and not wanted:
        fields.wrong(fields.source, "level", "at least one of level, score and factors")
    if level is not None and level.text not in LEVEL_WORDS:
        fields.unknown(level, "level", LEVEL_WORDS)
    if findings.failed:
        return
    found = assess(model, facts)
    name = fields.text("name")
    if level is not None and found.level.word != level.text:
        _differs(fields, findings, name, f"the level is {found.level.word}, not {level.text}")
    if 0 <= score != found.score:
        _differs(fields, findings, name, f"the score is {found.score}, not {score}")
    absent = sorted(set(wanted) - found.factors)
    if absent:
        _differs(fields, findings, name, f"these do not hold: {', '.join(absent)}")


def _differs(fields: Fields, findings: Findings, name: str, what: str) -> None:
    remedy = "correct the model or what the example expects"
    findings.error(fields.source, "example_failed", f"example `{name[:80]}`: {what}", remedy)


def _facts(given: Table, findings: Findings) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path, (key, node) in given.entries.items():
        fact = FACTS.get(path)
        if fact is None:
            findings.error(key.source, "unknown_fact", "there is no such fact",
                           one_of(FACTS, path))  # fmt: skip
            continue
        value = _value(node)
        try:
            declared(value, fact.type)
        except Failure:
            findings.error(node.source, "bad_value", f"`{path}` is no {fact.type}",
                           f"give a {fact.type}")  # fmt: skip
            continue
        found[path] = value
    return found


def _value(node: Node) -> Any:
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Items):
        return [one.text for one in node.items if isinstance(one, Scalar)]
    return None
