"""Trades: merchant categories with their ticket sizes, channels and temptations.

`ticket` is the median in euros and `spread` the sigma of the log-normal around it; `share` weighs
payments within the channel; `resale` marks goods that thieves turn into money.
"""

from __future__ import annotations

from dataclasses import dataclass

from paywarden.simulator.words import Channel


@dataclass(frozen=True, slots=True)
class Trade:
    """One merchant category (ISO 18245) as it appears in one channel."""

    mcc: str
    channel: Channel
    ticket: float
    spread: float
    share: float
    resale: bool = False
    recurring: bool = False
    delivers: bool = False
    donation: bool = False


_W, _S = Channel.ECOMMERCE, Channel.POS
TRADES = (
    Trade("5411", _S, 24, 0.75, 0.36), Trade("5812", _S, 32, 0.6, 0.14),
    Trade("5814", _S, 11, 0.5, 0.14), Trade("5541", _S, 52, 0.4, 0.09),
    Trade("5912", _S, 16, 0.7, 0.08), Trade("5651", _S, 48, 0.7, 0.06),
    Trade("5311", _S, 40, 0.8, 0.05), Trade("5732", _S, 120, 0.95, 0.02, resale=True),
    Trade("7011", _S, 140, 0.6, 0.02), Trade("5944", _S, 160, 0.9, 0.01, resale=True),
    Trade("7230", _S, 35, 0.5, 0.03), Trade("6011", Channel.ATM, 80, 0.6, 1.0),
    Trade("5399", _W, 34, 0.9, 0.22, delivers=True),
    Trade("5651", _W, 55, 0.7, 0.14, delivers=True),
    Trade("5732", _W, 110, 1.0, 0.07, resale=True, delivers=True),
    Trade("5816", _W, 14, 0.7, 0.10, resale=True), Trade("5815", _W, 9, 0.6, 0.06),
    Trade("4121", _W, 15, 0.5, 0.10), Trade("5814", _W, 24, 0.45, 0.08),
    Trade("4511", _W, 180, 0.8, 0.03), Trade("7011", _W, 190, 0.7, 0.03),
    Trade("5945", _W, 38, 0.7, 0.03, delivers=True),
    Trade("5977", _W, 42, 0.6, 0.03, delivers=True),
    Trade("5944", _W, 130, 0.9, 0.01, resale=True, delivers=True),
    Trade("5947", _W, 50, 0.7, 0.02, resale=True), Trade("8398", _W, 12, 0.8, 0.02, donation=True),
    Trade("4899", _W, 13, 0.3, 0.05, recurring=True),
    Trade("4814", _W, 28, 0.4, 0.03, recurring=True),
)  # fmt: skip
