"""No way round approvals in the code: one maker of `Approved`; every catalogued act takes one."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

from paywarden.decision.approved_acts import ApprovedActs
from paywarden.decision.list_desk import ListDesk
from paywarden.decision.policy_desk import PolicyDesk
from paywarden.identity.approvals.catalogue import CATALOGUE
from paywarden.identity.approvals.execution import Approved
from paywarden.identity.approvals.role_acts import RoleActs
from paywarden.identity.key_acts import KeyActs
from paywarden.identity.key_desk import KeyDesk

SOURCE = Path(__file__).resolve().parents[2] / "src" / "paywarden"
MAKER = SOURCE / "identity" / "approvals" / "execution.py"
ACTS = {
    "ruleset.publish": PolicyDesk.publish,
    "list.bulk_edit": ListDesk.edit_many,
    "api_key.create": KeyDesk.make_approved,
    "role.grant": RoleActs.change,
    "break_glass.open": RoleActs.open_sealed,
}


def calls(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", None) or getattr(node.func, "id", None)
            found.append(str(name))
    return found


def test_only_one_module_makes_an_approved() -> None:
    makers = [
        file for file in SOURCE.rglob("*.py")
        if "Approved" in calls(ast.parse(file.read_text(encoding="utf-8")))
    ]  # fmt: skip
    assert makers == [MAKER]
    holders = [
        file for file in SOURCE.rglob("*.py")
        if re.search(r"\b_SEAL\b", file.read_text(encoding="utf-8"))
    ]  # fmt: skip
    assert holders == [MAKER]


def test_each_catalogued_act_takes_an_approved_and_settles_it() -> None:
    registered = set()
    for kind in (ApprovedActs, RoleActs, KeyActs):
        for node in ast.walk(ast.parse(inspect.getsource(inspect.getmodule(kind)))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "register":
                registered.add(getattr(node.args[0], "id", ""))
    names = {
        "RULESET_PUBLISH",
        "LIST_BULK_EDIT",
        "API_KEY_CREATE",
        "ROLE_GRANT",
        "BREAK_GLASS_OPEN",
    }
    assert registered == names, "a new executor owes a line in ACTS"
    for action, act in ACTS.items():
        assert action in CATALOGUE
        kinds = [str(one.annotation) for one in inspect.signature(act).parameters.values()]
        assert Approved.__name__ in kinds, action
        assert "approved.require(" in inspect.getsource(act), action
