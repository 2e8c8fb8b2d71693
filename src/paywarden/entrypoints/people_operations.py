"""The HTTP operations of the identity room; apart from its wiring, so that commands load none."""

from __future__ import annotations

from paywarden.entrypoints.people_wiring import People
from paywarden.identity import page_http
from paywarden.identity.enrolment_http import EnrolmentOperations
from paywarden.identity.persons_http import PersonOperations
from paywarden.identity.sign_in_http import SignInOperations
from paywarden.kit.http.operation import Operation


def people_operations(people: People) -> list[Operation]:
    """Every operation of the identity room."""
    sign_in = SignInOperations(
        people.tenant, people.sign_in, people.passwords, people.passkeys, people.sessions
    )
    own = EnrolmentOperations(people.enrolment, people.sessions, people.directory, people.committer)
    persons = PersonOperations(people.directory, people.roster, people.origin)
    return [
        *sign_in.operations(),
        *own.operations(),
        *persons.operations(),
        *page_http.operations(),
    ]
