"""Signing in through the real server process: the page, the gate, and the hashing child."""

from __future__ import annotations

import httpx
from test_support_api import Server

OURS = {"paywarden-request": "1"}
WRONG = {"environment": "test", "login": "nobody", "password": "correct horse 7 battery"}


def test_the_page_is_served(granian: Server) -> None:
    page = httpx.get(granian.url + "/sign-in")
    assert page.status_code == 200
    assert "script-src 'self'" in page.headers["content-security-policy"]


def test_an_unknown_name_is_checked_by_the_child_and_refused(granian: Server) -> None:
    answer = httpx.post(
        granian.url + "/v1/identity/sign-in/password", json=WRONG, headers=OURS, timeout=60
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_refused")
    assert "set-cookie" not in answer.headers


def test_other_sites_cannot_sign_anybody_in(granian: Server) -> None:
    for headers in ({}, {**OURS, "origin": "https://evil.example"}):
        answer = httpx.post(
            granian.url + "/v1/identity/sign-in/password", json=WRONG, headers=headers
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_site")


def test_an_invented_session_opens_nothing_and_keys_do_as_before(granian: Server) -> None:
    cookie = {"cookie": "__Host-pw_session=" + "a" * 43}
    answer = httpx.get(granian.url + "/v1/features", headers=cookie)
    assert (answer.status_code, answer.json()["code"]) == (401, "session_over")
    assert granian.client().get("/v1/features", headers=cookie).status_code == 200
    answer = granian.client().get("/v1/identity/persons")
    assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")
