"""Pages on customer risk: made of what the code holds, and examples that policies take."""

from __future__ import annotations

import re
from pathlib import Path

from customer_kit import shipped

from paywarden.aml.customer_risk.facts import markdown
from paywarden.aml.customer_risk.forms import CustomerForm
from paywarden.fraud.shipped_policies import policy_folder
from paywarden.risk.features.catalogue import RISK_FIELDS
from paywarden.risk.rules.check import check_files
from paywarden.risk.rules.reader import files_of

DOCS = Path(__file__).resolve().parents[3] / "docs"
GUIDE = (DOCS / "how-to" / "customer-risk.md").read_text("utf-8")
PAGE = (DOCS / "reference" / "customer-risk-model.md").read_text("utf-8")


def test_the_table_of_facts_is_the_catalogue() -> None:
    assert markdown() in PAGE


def test_every_name_that_rules_may_read_is_in_the_guide() -> None:
    for path in RISK_FIELDS:
        assert f"`{path}`" in GUIDE, path


def test_the_rules_of_the_guide_fit_the_library() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    rules = [block for block in blocks if block.startswith("- id")]
    assert len(rules) == 2
    files = files_of(policy_folder())
    files["rules/own.yaml"] = "\n".join(rules).encode()
    (segments,) = (block for block in blocks if block.startswith("segments"))
    head = files["policy.yaml"].decode()
    files["policy.yaml"] = head.replace("segments:\n", segments, 1).encode()
    assert [str(one) for one in check_files(files).items if one.severity == "error"] == []


def test_the_form_of_the_guide_is_one() -> None:
    import json

    import msgspec

    found = re.search(r"cat > ann.json <<'END'\n(.*?)\n    END", GUIDE, re.DOTALL)
    assert found is not None
    msgspec.convert(json.loads(found[1]), CustomerForm, strict=False)


def test_the_sections_of_the_page_are_those_of_a_model() -> None:
    model = shipped()
    keys = (
        "weights", "thresholds", "missing_percent", "threshold_percent", "tables", "factors",
        "diligence", "reviews", "behaviour", "exposure", "examples",
    )  # fmt: skip
    for key in keys:
        assert f"| `{key}`" in PAGE
        assert f"\n{key}:" in model.text
