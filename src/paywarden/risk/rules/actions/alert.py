"""Open an alert for people, whatever the outcome of the payment is.

    alert: {severity: high, text: A burst of card testing on one merchant}

Guards: three severities; the text is the policy's own and holds no value of the payment. The
worker turns it into an alert of `paywarden.cases`.
"""

from __future__ import annotations

from paywarden.risk.rules.actions.registry import ActionContext, ActionKind
from paywarden.risk.rules.fields import Fields

SEVERITIES = ("low", "medium", "high")


def _read(fields: Fields, _context: ActionContext) -> dict[str, str | int | bool]:
    severity = fields.scalar("severity")
    if severity is not None and severity.text not in SEVERITIES:
        fields.unknown(severity, "severity", SEVERITIES)
    return {
        "severity": severity.text if severity else "medium",
        "text": fields.text("text", required=True),
    }


ACTION = ActionKind(
    "Open an alert for people, whatever the outcome is", ("severity", "text"), _read
)
