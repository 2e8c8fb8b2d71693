"""The words that lint knows are those that the API lets through."""

from typing import get_args

from paywarden.decision import messages
from paywarden.risk.rules.linting.values import VOCABULARY


def test_words_of_fields_are_those_of_the_messages() -> None:
    assert VOCABULARY["payment.type"] == get_args(messages.PaymentType)
    assert VOCABULARY["payment.phase"] == get_args(messages.Phase)
    assert VOCABULARY["payment.channel"] == get_args(messages.Channel)
    assert VOCABULARY["payment.entry_mode"] == get_args(messages.EntryMode)
