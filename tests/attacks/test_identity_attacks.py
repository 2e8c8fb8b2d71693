"""Attacks on signing in over a real socket: half sessions, forged requests, fixation, guesses."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest
from people_server import Browser, PeopleServer, serving

from paywarden.identity.request_authenticator import COOKIE
from paywarden.kit.http.operation import Operation

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "identity"))
from software_passkey import SoftwarePasskey

PASSWORD = "correct horse 7 battery staple"
SAMPLES = {"id": "dec_" + "a" * 26, "hash": "rs_x", "name": "blocked", "person": "psn_" + "a" * 26,
           "session": "ses_" + "a" * 26, "passkey": "AAAA"}  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PeopleServer]:
    with serving(tmp_path_factory.mktemp("people")) as running:
        yield running


@pytest.fixture
def browser(server: PeopleServer) -> Iterator[Browser]:
    made = server.browser()
    yield made
    made.close()


@pytest.fixture(scope="module")
def ann(server: PeopleServer) -> tuple[pyotp.TOTP, SoftwarePasskey]:
    """An active person with every factor, and the administrator's role."""
    enrolling = server.browser()
    token = server.link("ann", ("security_admin",))
    opened = enrolling.post("sign-in/link", {"environment": "test", "token": token})
    assert opened["kind"] == "enrolment"
    enrolling.post("factors/password", {"password": PASSWORD})
    codes = pyotp.TOTP(enrolling.post("factors/totp")["secret"])
    enrolling.post("factors/totp/confirm", {"code": codes.now()})
    passkey = add_passkey(server, enrolling)
    enrolling.close()
    return codes, passkey


def add_passkey(server: PeopleServer, browser: Browser) -> SoftwarePasskey:
    passkey = SoftwarePasskey("anns")
    options = browser.post("factors/passkeys/options")["publicKey"]
    made = passkey.create(options, origin=server.origin)
    browser.post("factors/passkeys", {"name": "soft", "credential": made})
    return passkey


def with_passkey(server: PeopleServer, browser: Browser, passkey: SoftwarePasskey) -> None:
    options = browser.post("sign-in/passkey/options", {"environment": "test"})["publicKey"]
    answer = passkey.get(options, origin=server.origin)
    full = browser.post("sign-in/passkey", {"environment": "test", "credential": answer})
    assert full["kind"] == "full"


def with_password(browser: Browser) -> None:
    body = {"environment": "test", "login": "ann", "password": PASSWORD}
    assert browser.post("sign-in/password", body)["kind"] == "first_factor"


def path_of(operation: Operation) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: SAMPLES.get(found[1], "x"), operation.path)


def answers(server: PeopleServer, browser: Browser, allowed: str) -> dict[str, tuple[int, str]]:
    """Status and code of every operation that is not public and does not ask for `allowed`."""
    found = {}
    for operation in server.operations:
        if operation.public or operation.permission == allowed:
            continue
        answer = browser.call(operation.method, path_of(operation), {} if operation.body else None)
        found[operation.name] = (answer.status_code, answer.json().get("code", ""))
    return found


def test_after_one_factor_nothing_but_the_second_can_be_called(
    server: PeopleServer, browser: Browser, ann: Any
) -> None:
    with_password(browser)
    found = answers(server, browser, "identity:second_factor")
    assert len(found) > 30
    assert set(found.values()) == {(403, "not_permitted")}, found


def test_a_link_opens_nothing_but_enrolment(server: PeopleServer, browser: Browser) -> None:
    token = server.link("bob")
    browser.post("sign-in/link", {"environment": "test", "token": token})
    found = answers(server, browser, "identity:enrol")
    assert len(found) > 30
    assert set(found.values()) == {(403, "not_permitted")}, found


def test_without_a_session_every_operation_is_closed(
    server: PeopleServer, browser: Browser
) -> None:
    found = answers(server, browser, "nothing")
    assert {status for status, _ in found.values()} == {401}
    browser.token = "x" * 43
    found = answers(server, browser, "nothing")
    assert set(found.values()) == {(401, "session_over")}


def test_a_full_session_is_refused_what_its_roles_do_not_hold(
    server: PeopleServer, browser: Browser, ann: Any
) -> None:
    with_passkey(server, browser, ann[1])
    assert browser.call("GET", "/v1/identity/persons").status_code == 200
    assert browser.call("GET", "/v1/rulesets").json()["code"] == "not_permitted"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "https://evil.example", "paywarden-request": "1"},
        {"origin": "null", "paywarden-request": "1"},
        {"sec-fetch-site": "cross-site", "paywarden-request": "1"},
        {"content-type": "text/plain"},
    ],
)
def test_cross_site_requests_do_nothing(
    server: PeopleServer, browser: Browser, ann: Any, headers: dict[str, str]
) -> None:
    with_passkey(server, browser, ann[1])
    cookie = {"cookie": f"{COOKIE}={browser.token}"}
    acts = (("POST", "/v1/identity/sign-out"), ("DELETE", "/v1/identity/sessions"))
    for method, path in acts:
        answer = httpx.request(method, server.origin + path, headers={**headers, **cookie})
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_site")
    assert browser.call("GET", "/v1/identity/me").status_code == 200
    body = {"environment": "test", "token": "pwe_x"}
    answer = httpx.post(server.origin + "/v1/identity/sign-in/link", json=body, headers=headers)
    assert answer.json()["code"] == "cross_site", "nobody is signed in by another site either"


def test_a_planted_session_is_never_taken_over(
    server: PeopleServer, browser: Browser, ann: Any
) -> None:
    browser.token = planted = "p" * 43
    with_password(browser)
    half = browser.token
    code = ann[0].now()
    answer = browser.call("POST", "/v1/identity/sign-in/totp", {"code": code})
    if answer.status_code == 401:  # this step's code confirmed the seed a moment ago
        options = browser.post("sign-in/second-passkey/options")["publicKey"]
        credential = ann[1].get(options, origin=server.origin)
        browser.post("sign-in/second-passkey", {"credential": credential})
    assert len({planted, half, browser.token}) == 3
    for old in (planted, half):
        headers = {"cookie": f"{COOKIE}={old}"}
        assert httpx.get(server.origin + "/v1/identity/me", headers=headers).status_code == 401


def test_names_cannot_be_found_out(server: PeopleServer, browser: Browser, ann: Any) -> None:
    told = set()
    for login in ("ann", "nobody", "bob"):
        body = {"environment": "test", "login": login, "password": "wrong"}
        answer = browser.call("POST", "/v1/identity/sign-in/password", body)
        problem = answer.json()
        problem.pop("request_id")
        told.add((answer.status_code, str(problem), "set-cookie" in answer.headers))
    assert len(told) == 1
    recovery = {"environment": "test", "code": "aaaa-bbbb"}
    known, unknown = (
        browser.call("POST", "/v1/identity/sign-in/recovery", {**recovery, "login": login})
        for login in ("ann", "nobody")
    )
    assert known.json()["detail"] == unknown.json()["detail"]


def test_passkey_options_name_nobody(browser: Browser) -> None:
    options = browser.post("sign-in/passkey/options", {"environment": "test"})["publicKey"]
    assert options.get("allowCredentials", []) == []
    assert options["userVerification"] == "required"


def test_sessions_are_listed_and_ended(server: PeopleServer, browser: Browser, ann: Any) -> None:
    with_passkey(server, browser, ann[1])
    other = server.browser()
    with_passkey(server, other, ann[1])
    listed = browser.call("GET", "/v1/identity/sessions").json()["items"]
    mine = [one for one in listed if one["current"]]
    assert len(mine) == 1
    theirs = httpx.get(
        server.origin + "/v1/identity/sessions", headers={"cookie": f"{COOKIE}={other.token}"}
    ).json()["items"]
    target = next(one["id"] for one in theirs if one["current"])
    assert browser.call("DELETE", f"/v1/identity/sessions/{target}").status_code == 200
    assert other.call("GET", "/v1/identity/me").status_code == 401
    answer = browser.call("DELETE", "/v1/identity/sessions")
    assert "Max-Age=0" in answer.headers["set-cookie"]
    other.close()


def test_a_person_is_invited_and_disabled_over_http(
    server: PeopleServer, browser: Browser, ann: Any
) -> None:
    with_passkey(server, browser, ann[1])
    invited = browser.post(
        "persons", {"login": "cyd", "display_name": "Cyd", "email": "cyd@example.org"}
    )
    environment, token = invited["link"].partition("#")[2].split(":")
    guest = server.browser()
    guest.post("sign-in/link", {"environment": environment, "token": token})
    assert guest.call("GET", "/v1/identity/me").json()["kind"] == "enrolment"
    browser.post(f"persons/{invited['person']}/disable")
    assert guest.call("GET", "/v1/identity/me").status_code == 401
    people = browser.call("GET", "/v1/identity/persons").json()
    states = {one["login"]: one["state"] for one in people["items"]}
    assert states["cyd"] == "disabled"
    assert people["established"] is False
    guest.close()


def test_the_page_allows_nothing_from_elsewhere(server: PeopleServer) -> None:
    page = httpx.get(server.origin + "/sign-in")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in page.text
    for asset in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert httpx.get(server.origin + asset).status_code == 200


def test_secrets_of_answers_are_not_kept_for_idempotency_keys(server: PeopleServer) -> None:
    own = [one for one in server.operations if one.tag == "identity" and one.method == "POST"]
    assert own
    assert not any(one.idempotent for one in own)
