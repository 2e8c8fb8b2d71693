"""Passkeys in a real browser: the shipped page, Chromium, and its virtual authenticator."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import PROGRAM, Page, browser_page

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "attacks"))
from people_server import PeopleServer, serving

STATUS = "document.getElementById('status').textContent"
FACTORS = "document.getElementById('factors').textContent"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PeopleServer]:
    with serving(tmp_path) as running:
        yield running


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    if PROGRAM is None:
        pytest.skip("chromium is not installed")
    with browser_page(tmp_path / "profile") as opened:
        yield opened


def authenticator(page: Page) -> str:
    page.do("WebAuthn.enable", enableUI=False)
    made = page.do("WebAuthn.addVirtualAuthenticator", options={
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
        "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True,
    })  # fmt: skip
    name: str = made["authenticatorId"]
    return name


def click(page: Page, selector: str) -> None:
    page.ask(f"document.querySelector('{selector}').click()")


def held(page: Page, name: str) -> dict[str, Any]:
    [credential] = page.do("WebAuthn.getCredentials", authenticatorId=name)["credentials"]
    found: dict[str, Any] = credential
    return found


def test_a_person_enrols_signs_in_and_a_copy_is_refused(server: PeopleServer, page: Page) -> None:
    name = authenticator(page)
    page.open(f"{server.origin}/sign-in#test:{server.link('ann')}")
    page.wait(STATUS, "Enrolling ann")
    assert page.ask("location.hash") == "", "the token does not stay in the address"
    click(page, "#passkey-form button")
    page.wait(FACTORS, "passkey: my passkey")
    credential = held(page, name)
    assert credential["isResidentCredential"]
    assert credential["rpId"] == "localhost"

    page.ask("document.getElementById('environment').value = 'test'")
    click(page, "#passkey")
    page.wait(STATUS, "Signed in as ann")
    assert page.ask("document.cookie") == "", "no script sees the session"
    [cookie] = page.do("Network.getCookies", urls=[server.origin])["cookies"]
    assert (cookie["name"], cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (
        "__Host-pw_session", True, True, "Strict")  # fmt: skip

    click(page, "#sign-out")
    page.wait("document.readyState + document.getElementById('signed-in')?.hidden", "completetrue")
    page.do("WebAuthn.setUserVerified", authenticatorId=name, isUserVerified=False)
    page.ask("document.getElementById('environment').value = 'test'")
    click(page, "#passkey")
    page.wait(STATUS, "not allowed")
    page.do("WebAuthn.setUserVerified", authenticatorId=name, isUserVerified=True)

    credential = held(page, name)
    kept = ("credentialId", "isResidentCredential", "rpId", "privateKey", "userHandle")
    given = {key: credential[key] for key in kept}
    page.do("WebAuthn.removeCredential", authenticatorId=name,
            credentialId=credential["credentialId"])  # fmt: skip
    page.do("WebAuthn.addCredential", authenticatorId=name, credential={**given, "signCount": 0})
    click(page, "#passkey")
    page.wait(STATUS, "[sign_in_refused]")
    acted = [event.action for _, event in server.audit.read(server.scope, 0, 100)]
    assert acted.count("identity:passkey:clone") == 1


def test_a_used_link_says_so(server: PeopleServer, page: Page) -> None:
    link = f"{server.origin}/sign-in#test:{server.link('bob')}"
    page.open(link)
    page.wait(STATUS, "Enrolling bob")
    page.do("Network.clearBrowserCookies")
    page.open(link)
    page.wait(STATUS, "[link_refused]")
