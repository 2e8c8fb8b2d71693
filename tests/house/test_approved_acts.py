"""No way round approvals in the code: one maker of `Approved`; every catalogued act takes one."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

from paywarden.decision.approved_acts import ApprovedActs
from paywarden.decision.label_holding import LabelHolding
from paywarden.decision.list_desk import ListDesk
from paywarden.decision.policy_desk import PolicyDesk
from paywarden.entrypoints.installation import Installation
from paywarden.identity.access_review.revoking import RevokeActs
from paywarden.identity.approvals.catalogue import CATALOGUE
from paywarden.identity.approvals.execution import Approved
from paywarden.identity.approvals.role_acts import RoleActs
from paywarden.identity.key_acts import KeyActs
from paywarden.identity.key_desk import KeyDesk
from paywarden.identity.person_acts import PersonActs
from paywarden.kit.webhooks.destinations import Destinations
from paywarden.kit.webhooks.ports import Leave
from paywarden.privacy.erasure.service import Erasures

SOURCE = Path(__file__).resolve().parents[2] / "src" / "paywarden"
MAKER = SOURCE / "identity" / "approvals" / "execution.py"
ACTS = {
    "ruleset.publish": PolicyDesk.publish,
    "ruleset.rollback": PolicyDesk.roll_back,
    "list.bulk_edit": ListDesk.edit_many,
    "label.flood": LabelHolding.decide,
    "api_key.create": KeyDesk.make_approved,
    "role.grant": RoleActs.change,
    "break_glass.open": RoleActs.open_sealed,
    "person.enrol": PersonActs.enrol,
    "person.enable": PersonActs.enable,
    "access.revoke": RevokeActs.revoke,
    "webhook.destination": Destinations.carry_out,
    "subject.erase": Erasures.erase,
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
    for kind in (ApprovedActs, RoleActs, KeyActs, PersonActs, RevokeActs, Erasures, Installation):
        for node in ast.walk(ast.parse(inspect.getsource(inspect.getmodule(kind)))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "register":
                registered.add(getattr(node.args[0], "id", ""))
    registered.discard("")  # of whoever registers several
    names = {
        "RULESET_PUBLISH",
        "RULESET_ROLLBACK",
        "LIST_BULK_EDIT",
        "LABEL_FLOOD",
        "API_KEY_CREATE",
        "ROLE_GRANT",
        "BREAK_GLASS_OPEN",
        "PERSON_ENROL",
        "WEBHOOK_DESTINATION",
        "ACCESS_REVOKE",
        "PERSON_ENABLE",
        "SUBJECT_ERASE",
    }
    assert registered == names, "a new executor owes a line in ACTS"
    for action, act in ACTS.items():
        assert action in CATALOGUE
        kinds = [str(one.annotation) for one in inspect.signature(act).parameters.values()]
        assert {Approved.__name__, Leave.__name__} & set(kinds), action
        assert re.search(r"(approved|leave)\.require\(", inspect.getsource(act)), action


def callers_of(*names: str) -> list[str]:
    return sorted(
        file.relative_to(SOURCE).as_posix() for file in SOURCE.rglob("*.py")
        if set(names) & set(calls(ast.parse(file.read_text(encoding="utf-8"))))
    )  # fmt: skip


def test_people_are_invited_and_endpoints_added_by_their_executors_alone() -> None:
    assert callers_of("invite") == ["identity/person_acts.py"]
    adding = re.compile(r"_endpoints\.add\(|url=")
    found = [
        file.name for file in (SOURCE / "kit" / "webhooks").glob("*.py")
        if adding.search(file.read_text(encoding="utf-8"))
    ]  # fmt: skip
    assert found == ["destinations.py"]


def test_keys_of_people_are_ended_by_the_approved_act_alone() -> None:
    assert callers_of("erase") == ["kit/crypto/subjects.py", "privacy/erasure/service.py"]
    source = inspect.getsource(Erasures)
    assert source.count("_keys.erase(") == 1 and "_keys.erase(" in inspect.getsource(
        Erasures._destroy
    )
