"""An AML officer's day over a real socket: files in, levels read by payments, a review done."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from test_support_api import Server, problem

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "aml" / "customer_risk"))
from customer_kit import CIRCLE, COMPANY, PERSON, merged

from paywarden.aml.customer_risk.model_desk import shipped_text


def aml(server: Server, *words: str, code: int = 0) -> Any:
    key = server.home / "officer.key"
    key.write_text(server.keys["operator"])
    reach = [] if words[:2] == ("risk-model", "check") else [
        "--server", server.url, "--key-file", str(key)]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "paywarden.entrypoints.main", "aml", *words, *reach, "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def write_lines(file: Path, rows: dict[str, dict[str, Any]]) -> Path:
    text = "".join(json.dumps({"customer": name, **row}) + "\n" for name, row in rows.items())
    file.write_text(text)
    return file


def test_an_officers_day(granian: Server, tmp_path: Path) -> None:
    tag = tmp_path.name
    ann, firm, ring = f"{tag}-ann", f"{tag}-firm", f"{tag}-ring"
    rows = {
        ann: merged(PERSON, {"screening": {"at": None}}),
        firm: merged(COMPANY, {"screening": {"at": None}}),
        ring: merged(COMPANY, {"company": {"ownership": CIRCLE}, "screening": {"at": None}}),
    }
    file = write_lines(tmp_path / "customers.jsonl", rows)
    assert aml(granian, "customers", "import", str(file), "--dry-run")["rows"] == 3
    told = aml(granian, "customers", "import", str(file))
    assert (told["sent"], told["refused"]) == (3, 0)
    assert told["levels"] == {"medium": 2, "high": 1}  # nobody says when they were screened

    listed = aml(granian, "customers", "list", "--level", "high")["items"]
    assert ring in [one["customer"] for one in listed]
    shown = aml(granian, "customers", "show", ring)
    assert "circular-ownership" in [line["factor"] for line in shown["explanation"]]
    assert sum(line["points"] for line in shown["explanation"]) == shown["summary"]["score"]
    assert {"owner-chain", "source-of-funds"} <= {one["item"] for one in shown["diligence"]}

    paid = granian.decide(id=f"{tag}-1", payer={"id": ring}, merchant={"id": firm})
    http = granian.client()
    record = http.get(f"/v1/decisions/{paid['id']}").json()
    read = record["record"]["customer_risk"]
    assert (read["customer_level"], read["merchant_level"]) == ("high", "medium")

    over = aml(granian, "customers", "override", ann, "--level", "high", "--days", "9",
               "--reason", "asked by the police")  # fmt: skip
    assert (over["summary"]["level"], over["model_level"]) == ("high", "medium")
    done = aml(granian, "customers", "diligence", ring, "--item", "owner-chain",
               "--note", "register extracts of both, case 17")  # fmt: skip
    states = {one["item"]: one["state"] for one in done["diligence"]}
    assert states["owner-chain"] == "done"
    assert states["source-of-funds"] == "open"
    seen = aml(granian, "customers", "review", ring, "--note", "spoke to the notary")
    assert not seen["summary"]["overdue"]
    causes = [one["cause"] for one in aml(granian, "customers", "history", ring)["items"]]
    assert causes == ["review", "diligence", "facts"]
    calendar = aml(granian, "customers", "calendar")
    assert calendar["by_level"]["high"] >= 2
    assert calendar["high_without_diligence"] >= 2
    exposed = aml(granian, "exposure", firm, code=1)
    assert exposed["known"] is False

    checked = aml(granian, "risk-model", "check")
    text = shipped_text().replace("high: 50}", "high: 49}")
    stricter = tmp_path / "stricter.yaml"
    stricter.write_text(text)
    kept = aml(granian, "risk-model", "put", str(stricter))
    assert kept["model"] != checked["model"]
    aml(granian, "risk-model", "publish", kept["model"], "--reason", "agreed in the committee")
    assert [one["model"] for one in aml(granian, "risk-model", "list")["items"]
            if one["in_force"]] == [kept["model"]]  # fmt: skip
    anew = aml(granian, "customers", "review", ann, "--note", "under the new model")
    assert anew["model"] == kept["model"]


def test_files_that_are_wrong_say_where(granian: Server, tmp_path: Path) -> None:
    good = {"customer": "x", "person": {"name": "A"}}
    for name, text, row in (
        ("a.jsonl", json.dumps(good) + "\nnonsense\n", 2),
        ("b.jsonl", json.dumps({**good, "surprise": 1}) + "\n", 1),
        ("c.jsonl", json.dumps(good) + "\n" + json.dumps(good) + "\n", 2),
        ("d.csv", "customer,person.name,person.cash_intensive\nx,A,perhaps\n", 1),
        ("e.csv", "customer,person.name\nx/..,A\n", 1),
        ("f.jsonl", json.dumps({**good, "person": {"name": "A" * 201}}) + "\n", 1),
        ("g.jsonl", "[" * 100_000 + "\n", 1),
    ):
        (tmp_path / name).write_text(text)
        told = aml(granian, "customers", "import", str(tmp_path / name), code=3)
        assert told["error"]["code"] == "customers_file_invalid", name
        assert told["error"]["pointer"].endswith(f"{name}:{row}"), told


def test_a_table_of_simple_facts_is_enough(granian: Server, tmp_path: Path) -> None:
    tag = tmp_path.name
    file = tmp_path / "customers.csv"
    file.write_text(
        "customer,person.name,person.country,person.nationalities,person.operations,channel,"
        "products,expected_monthly_minor,person.cash_intensive,verification.level\n"
        f"{tag}-a,Ann,DE,DE;FR,DE,face_to_face,account;transfers,100000,false,standard\n"
        f"{tag}-b,Ben,IR,IR,IR,introduced,prepaid,,true,none\n"
    )
    told = aml(granian, "customers", "import", str(file))
    assert told["levels"] == {"medium": 1, "high": 1}
    shown = aml(granian, "customers", "show", f"{tag}-a")
    assert shown["form"]["person"]["nationalities"] == ["DE", "FR"]
    refused = tmp_path / "refused.csv"
    refused.write_text(f"customer,person.name,person.country\n{tag}-c,Cy,DE\n{tag}-d,Di,QQ\n")
    aml(granian, "customers", "import", str(refused), code=3)


def test_the_api_refuses_with_a_place(granian: Server) -> None:
    http = granian.client()
    for body, code, pointer in (
        ({"person": {"name": "A", "country": "QQ"}}, "country_unknown", "/person/country"),
        ({}, "customer_kind", None),
        ({"person": {"name": "A"}, "channel": "pigeon"}, "fact_word_unknown", "/channel"),
        ({"person": {"name": "A", "birth_date": "2999-01-01"}}, "day_in_future",
         "/person/birth_date"),
        ({"person": {"name": "A", "sex": "f"}}, "unknown_field", "/person/sex"),
    ):  # fmt: skip
        answer = http.put("/v1/aml/customers/somebody", json=body)
        found = problem(answer, 422, code)
        assert found.get("pointer") == pointer, found
    problem(http.get("/v1/aml/customers/nobody-at-all"), 404, "customer_unknown")
    problem(http.get("/v1/aml/risk-models/rm_" + "0" * 64), 404, "risk_model_unknown")
    http = granian.client("merchant")
    problem(http.get("/v1/aml/customers/nobody-at-all"), 403, "not_permitted")


def test_reads_of_people_are_in_the_audit_log(granian: Server, tmp_path: Path) -> None:
    name = f"{tmp_path.name}-read"
    http = granian.client()
    http.put(f"/v1/aml/customers/{name}", json={"person": {"name": "A"}}).raise_for_status()
    found = http.get(f"/v1/aml/customers/{name}").json()
    reference = found["summary"]["reference"]
    events, after = [], 0
    while True:
        page = http.get("/v1/audit/events", params={"limit": 100, "after": after}).json()
        events += page["items"]
        if not page["has_more"]:
            break
        after = page["next"]
    seen = [one["action"] for one in events if one["detail"].get("customer") == reference]
    assert seen == ["customer_risk:customer:assess", "customer_risk:customer:read"]
    assert name not in json.dumps(events)
