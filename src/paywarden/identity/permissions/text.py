"""The table as text to read: Markdown for people, Cedar for those who compare engines.

Guards: the text is made from the table alone, so that it cannot say something else; a golden under
`docs/reference` shows every change. Source of the second form: the Cedar policy language, where
what no policy permits is denied.
"""

from __future__ import annotations

from collections.abc import Iterator

from paywarden.identity.permissions.exclusions import EXCLUSIONS
from paywarden.identity.permissions.model import ANY_ENVIRONMENT, ANY_KIND, Kind, Role, Rule
from paywarden.identity.permissions.table import FRESH_SECONDS, PERMISSIONS, RECORDED_ROLES, RULES


def conditions_of(rule: Rule) -> str:
    """Conditions of a rule in words; empty when there are none."""
    words = []
    if rule.kinds != ANY_KIND:
        words.append("people" if rule.kinds == {Kind.PERSON} else "keys")
    if rule.environments != ANY_ENVIRONMENT:
        words.append(" or ".join(sorted(one.value for one in rule.environments)))
    if rule.fresh_seconds is not None:
        words.append(f"people: proved within {rule.fresh_seconds} s")
    if rule.own_merchant:
        words.append("own merchant")
    return "; ".join(words)


def markdown() -> str:
    """The page `docs/reference/permissions.md`."""
    lines = [
        "# Permissions",
        "",
        "Made from `paywarden.identity.permissions.table`; what is not listed is denied.",
        "A caller sees its own tenant and environment alone; things of others are not found.",
        f"Where it says so, people prove all factors anew within {FRESH_SECONDS} seconds.",
        "",
        "## Permissions",
        "",
        "| permission | allows |",
        "|---|---|",
        *(f"| `{name}` | {text} |" for name, text in PERMISSIONS.items()),
        "",
        "## Roles",
        *(line for role in Role for line in _role(role)),
        "",
        "## Roles that exclude each other",
        "",
        "| role | excludes | why |",
        "|---|---|---|",
        *(f"| {one.one} | {one.other} | {one.why} |" for one in EXCLUSIONS),
    ]
    return "\n".join(lines) + "\n"


def _role(role: Role) -> Iterator[str]:
    yield from ("", f"### {role}", "")
    if role in RECORDED_ROLES:
        yield from ("Every request of whoever holds this role leaves an audit event.", "")
    yield from ("| permission | conditions |", "|---|---|")
    for rule in sorted(RULES, key=lambda one: one.permission):
        if rule.role is role:
            yield f"| `{rule.permission}` | {conditions_of(rule)} |"


def cedar() -> str:
    """The table as Cedar policies, one per rule."""
    return "\n".join(_policy(rule) for rule in RULES)


def _policy(rule: Rule) -> str:
    tests = ["resource.tenant == principal.tenant"]
    tests.append("resource.environment == principal.environment")
    if rule.kinds != ANY_KIND:
        tests.append(f'principal.kind == "{next(iter(rule.kinds))}"')
    if rule.environments != ANY_ENVIRONMENT:
        tests.append(f'principal.environment == "{next(iter(rule.environments))}"')
    if rule.fresh_seconds is not None:
        ago = "context.verified_seconds_ago"
        fresh = f"context has verified_seconds_ago && {ago} >= 0 && {ago} <= {rule.fresh_seconds}"
        tests.append(f'(principal.kind == "service" || ({fresh}))')
    if rule.own_merchant:
        tests.append("(!(principal has merchant) || resource.merchant == principal.merchant)")
    body = " &&\n  ".join(tests)
    who, what = f'principal in Role::"{rule.role}"', f'action == Action::"{rule.permission}"'
    return f"permit ({who}, {what}, resource)\nwhen {{\n  {body}\n}};\n"
