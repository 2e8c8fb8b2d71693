"""Fixed traffic for benchmarks: a world of cards and merchants, its past and its next payments.

Deterministic by seed. Everything grows with the number of cards (a tenth as many merchants, a
thousandth as many BINs), so a policy tuned at one size behaves alike at another. The past comes as
observation columns, the future as wire bodies in which only id and time are patched. One payment
in twenty repeats card, device and address of a recent one, as attacks do. Texts are invented.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.risk.features.catalogue import KEY_KINDS, OBSERVED, OBSERVED_INDEX
from paywarden.risk.features.columns import DTYPES, ObservationColumns
from paywarden.risk.features.observation import KEY_COUNT

Ids = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Digest = Callable[[str, str], int]

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
PAST_DAYS = 90
CHUNK = 65_536
DECLINED_SHARE = 0.05
FIRST_IP = 11 << 24
_COUNTRIES = (
    "AT BE BG BR CA CH CN CY CZ DE DK EE ES FI FR GB GR HK HR HU ID IE IL IN IS IT JP KR LT LU "
    "LV MT MX MY NG NL NO NZ PE PH PL PT RO RU SE SG SI SK TH TR TW UA US VN ZA AE AR AU CL CO"
)
_CATEGORIES = (
    "4111 4121 4511 4722 4812 4814 4829 4899 5200 5311 5411 5462 5499 5541 5611 5651 5661 5691 "
    "5732 5734 5812 5814 5815 5816 5912 5941 5944 5945 5947 5964 5967 5977 5999 6051 6211 7011 "
    "7273 7801 7995 8398"
)
COUNTRIES, CATEGORIES = tuple(_COUNTRIES.split()), tuple(_CATEGORIES.split())
CURRENCIES = ("EUR", "EUR", "EUR", "USD", "GBP", "SEK", "PLN", "CHF")
CHANNELS = ("ecommerce", "ecommerce", "in_app", "pos", "moto", "recurring")
ENTRIES = ("manual", "on_file", "wallet", "chip", "contactless")
LANGUAGES = ("de", "en", "fr", "es", "pl", "tr", "zh", "sv")
CHECKS = ("match", "partial", "no_match", "unavailable")
FUNDING = ("credit", "debit", "prepaid", "charge")
BRANDS = ("visa", "mastercard", "amex", "unionpay")
MAILS = tuple(f"mail{n}.example" for n in range(50))
ID_MARK, TIME_MARK = b"<<--- payment id --->>", b"<<------ time ------------>>"[:27]


@dataclass(slots=True)
class Draw:
    """Numbers of n payments: who, where, how much; each an array of n."""

    card: Ids
    device: Ids
    address: Ids
    merchant: Ids
    amount: Ids
    pick: Ids

    def __len__(self) -> int:
        return len(self.card)


@dataclass(slots=True)
class World:
    """Sizes and names of everything that pays or is paid."""

    cards: int
    seed: int = 7
    merchants: int = field(init=False)
    bins: int = field(init=False)

    def __post_init__(self) -> None:
        self.merchants = max(20, self.cards // 10)
        self.bins = min(9_000, max(20, self.cards // 1_000))

    def payer_of(self, card: Ids) -> Ids:
        """Some people hold two cards."""
        return card * 9 // 10

    def draw(self, rng: np.random.Generator, n: int, *, every_card: int = 0) -> Draw:
        """n payments; the first `every_card` of them touch the cards one by one."""
        busy = rng.random(n) < 0.08
        card = np.where(
            busy, rng.integers(0, max(1, self.cards // 100), n), rng.integers(0, self.cards, n)
        )
        card[:every_card] = np.arange(every_card) % self.cards
        if every_card:
            card = rng.permutation(card)
        merchant = (self.merchants * rng.random(n) ** 3).astype(np.int64)
        own = self.payer_of(card)
        device = np.where(rng.random(n) < 0.9, own, rng.integers(0, self.cards, n))
        address = np.where(rng.random(n) < 0.7, own, rng.integers(0, self.cards, n))
        amount = np.exp(rng.normal(8.2, 1.1, n)).astype(np.int64) + 50
        made = Draw(card, device, address, merchant, amount, rng.integers(0, 1 << 40, n))
        self._attack(rng, made)
        return made

    def _attack(self, rng: np.random.Generator, made: Draw) -> None:
        rows = np.flatnonzero(rng.random(len(made)) < 0.05)
        rows = rows[rows > 0]
        source = np.maximum(0, rows - rng.integers(1, 50, len(rows)))
        for column in (made.card, made.device, made.address):
            column[rows] = column[source]
        made.amount[rows] = made.amount[rows] // 20 + 20


def address_text(index: int) -> str:
    """Sixteen addresses of each /24, from 11.0.0.0 on."""
    value = FIRST_IP + (index // 16 << 8) + index % 16 + 1
    return f"{value >> 24}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}"


def bin_text(index: int) -> str:
    """A six-digit issuer number."""
    return str(400_000 + index * 17)


# --- wire bodies ----------------------------------------------------------------------------


def body_of(world: World, draw: Draw, row: int) -> bytes:
    """The request body of one payment, with marks where id and time go."""
    card, merchant = int(draw.card[row]), int(draw.merchant[row])
    payer, pick = card * 9 // 10, int(draw.pick[row])
    country = COUNTRIES[payer % len(COUNTRIES)]
    there = country if pick % 10 < 8 else COUNTRIES[pick % len(COUNTRIES)]
    since, opened = f"20{10 + merchant % 15}-03-01", f"20{12 + payer % 13}-07-01"
    mail, code = f"u{payer}@{MAILS[payer % 50]}", bin_text(card % world.bins)
    return (
        '{"payment":{"id":"' + ID_MARK.decode() + '","type":"card_payment","occurred_at":"'
        + TIME_MARK.decode() + f'","amount_minor":{int(draw.amount[row])},"currency":"'
        f'{CURRENCIES[pick % 8]}","channel":"{CHANNELS[pick // 8 % 6]}",'
        f'"initiator":"customer","entry_mode":"{ENTRIES[pick // 48 % 5]}",'
        f'"merchant":{{"id":"m-{merchant}","mcc":"{CATEGORIES[merchant % len(CATEGORIES)]}",'
        f'"country":"{COUNTRIES[merchant % 20]}","created_at":"{since}T00:00:00Z"}},'
        f'"payer":{{"id":"cus-{payer}","name":"Payer {payer}","email":"{mail}",'
        f'"phone":"+4930{payer:07d}","country":"{country}",'
        f'"created_at":"{opened}T00:00:00Z"}},'
        f'"instrument":{{"kind":"card","reference":"card-{card}","bin":"{code}",'
        f'"last4":"{card % 10_000:04d}","expiry":"2029-0{1 + card % 9}"}},'
        f'"checks":{{"avs":"{CHECKS[pick // 240 % 4]}","cvv":"{CHECKS[pick // 960 % 4]}"}},'
        f'"device":{{"id":"dev-{int(draw.device[row])}","ip":"{address_text(int(draw.address[row]))}",'
        f'"language":"{LANGUAGES[pick // 3840 % 8]}"}},'
        f'"billing_address":{{"country":"{there}","postal_code":"{10_000 + payer % 80_000}"}},'
        f'"shipping_address":{{"country":"{there}","postal_code":"{10_000 + payer % 80_000}",'
        f'"line1":"Street {payer % 999}"}},"metadata":{{"basket_size":{1 + pick % 9}}}}}}}'
    ).encode()  # fmt: skip


def bodies(world: World, count: int, seed: int = 11) -> list[bytes]:
    """Bodies of `count` payments to come."""
    draw = world.draw(np.random.default_rng(seed), count)
    return [body_of(world, draw, row) for row in range(count)]


def patched(body: bytes, name: str, instant: str) -> bytes:
    """A body with its id and time."""
    return body.replace(ID_MARK, name.encode(), 1).replace(TIME_MARK, instant.encode(), 1)


# --- the past as columns --------------------------------------------------------------------


class Past:
    """Observation columns of payments and declines over 90 days before `end_us`."""

    def __init__(self, world: World, digest: Digest, end_us: int, first_seq: int = 1) -> None:
        self.world = world
        self._end_us = end_us
        self._first_seq = first_seq
        cards = np.arange(world.cards)
        payers = int(world.payer_of(cards).max()) + 1
        addresses = [address_text(n) for n in range(world.cards)]
        prefixes = dict.fromkeys(text.rsplit(".", 1)[0] + ".0/24" for text in addresses)
        number = {text: n for n, text in enumerate(prefixes)}

        def table(kind: str, texts: Any) -> Words:
            return np.fromiter((digest(kind, text) for text in texts), np.uint64)

        self._prefix_of = np.fromiter(
            (number[text.rsplit(".", 1)[0] + ".0/24"] for text in addresses), np.int64
        )
        self._tables = {
            "card": table("card", (f"card-{n}" for n in range(world.cards))),
            "payer": table("payer", (f"cus-{n}" for n in range(payers))),
            "device": table("device", (f"dev-{n}" for n in range(world.cards))),
            "ip": table("ip", addresses),
            "ip_prefix": table("ip_prefix", prefixes),
            "email": table("email", (f"u{n}@{MAILS[n % 50]}" for n in range(payers))),
            "email_domain": table("email_domain", MAILS),
            "phone": table("phone", (f"+4930{n:07d}" for n in range(payers))),
            "merchant": table("merchant", (f"m-{n}" for n in range(world.merchants))),
            "bin": table("bin", (bin_text(n) for n in range(world.bins))),
        }

    def chunks(self, count: int, *, every_card: bool = True) -> Iterator[ObservationColumns]:
        """`count` observations in log order; with `every_card` each card is seen."""
        rng = np.random.default_rng(self.world.seed)
        start = self._end_us - PAST_DAYS * DAY_US
        times = np.sort(rng.integers(start, self._end_us, count))
        touched = min(self.world.cards, count) if every_card else 0
        draw = self.world.draw(rng, count, every_card=touched)
        for first in range(0, count, CHUNK):
            stop = min(first + CHUNK, count)
            part = Draw(
                draw.card[first:stop], draw.device[first:stop], draw.address[first:stop],
                draw.merchant[first:stop], draw.amount[first:stop], draw.pick[first:stop],
            )  # fmt: skip
            yield self._columns(self._first_seq + first, times[first:stop], part)

    def live(self, count: int, first_seq: int, start_us: int, gap_us: int) -> ObservationColumns:
        """`count` payments after the past, one each `gap_us`."""
        draw = self.world.draw(np.random.default_rng(self.world.seed + 4), count)
        times = start_us + gap_us * np.arange(1, count + 1)
        return self._columns(first_seq, times, draw, declines=False)

    def _keys(self, draw: Draw) -> Words:
        payer = self.world.payer_of(draw.card)
        places = {
            "card": draw.card, "payer": payer, "device": draw.device, "ip": draw.address,
            "ip_prefix": self._prefix_of[draw.address], "email": payer,
            "email_domain": payer % len(MAILS), "phone": payer, "merchant": draw.merchant,
            "bin": draw.card % self.world.bins,
        }  # fmt: skip
        keys = np.zeros((len(draw), KEY_COUNT), np.uint64)
        for kind, rows in places.items():
            keys[:, KEY_KINDS.index(kind)] = self._tables[kind][rows]
        return keys

    def _columns(
        self, first: int, t_us: Ids, draw: Draw, *, declines: bool = True
    ) -> ObservationColumns:
        n, keys = len(draw), self._keys(draw)
        texts = _Texts()
        declined = (draw.pick % 1_000 < 1_000 * DECLINED_SHARE) & declines
        values = [np.full(n, -1 if f.storage == "symbol" else 0, DTYPES[f.storage or "int"])
                  for f in OBSERVED]  # fmt: skip
        masked = ("int", "double", "bool")
        valid = [np.zeros(n, np.bool_) if f.storage in masked else None for f in OBSERVED]

        def put(path: str, column: Any) -> None:
            place = OBSERVED_INDEX[path]
            values[place] = np.asarray(column).astype(values[place].dtype)
            if valid[place] is not None:
                valid[place] = np.ones(n, np.bool_)

        for path, kind in _HASHED.items():
            put(path, keys[:, KEY_KINDS.index(kind)])
        put("event.kind", np.where(declined, texts.id("payment_result"), texts.id("payment")))
        put("event.status", np.where(declined, texts.id("declined"), -1))
        for path, (words, rows) in self._symbols(draw).items():
            ids = np.array([texts.id(word) for word in words], np.int32)
            put(path, ids[rows % len(words)])
        put("payment.amount_minor", draw.amount)
        put("payment.amount_base_minor", draw.amount)
        put("payment.hour", t_us % DAY_US // (DAY_US // 24))
        put("payment.weekday", (t_us // DAY_US + 3) % 7)
        put("payment.late", np.zeros(n, np.bool_))
        for path in ("card.is_prepaid", "ip.is_datacenter", "ip.is_vpn", "email.is_free"):
            put(path, draw.pick % 16 == len(path) % 16)
        put("payer.age_days", draw.card % 4_000)
        put("merchant.age_days", draw.merchant % 5_000)
        identity = (draw.pick.astype(np.uint64) << np.uint64(20)) ^ np.arange(
            first, first + n, dtype=np.uint64
        ) * np.uint64(0x9E3779B97F4A7C15) | np.uint64(1)
        seq = np.arange(first, first + n, dtype=np.int64)
        return ObservationColumns(
            seq, t_us, t_us, identity, np.zeros(n, np.int64), keys, tuple(values), tuple(valid),
            texts.listed(),
        )  # fmt: skip

    def _symbols(self, draw: Draw) -> dict[str, tuple[tuple[str, ...], Ids]]:
        payer, bins = self.world.payer_of(draw.card), draw.card % self.world.bins
        codes = tuple(bin_text(n) for n in range(self.world.bins))
        countries, pick = COUNTRIES, draw.pick
        return {
            "payment.type": (("card_payment",), pick * 0),
            "payment.phase": (("pre_auth",), pick * 0),
            "payment.initiator": (("customer",), pick * 0),
            "payment.instrument_kind": (("card",), pick * 0),
            "payment.currency": (CURRENCIES, pick),
            "payment.channel": (CHANNELS, pick // 8),
            "payment.entry_mode": (ENTRIES, pick // 48),
            "payment.checks.avs": (CHECKS, pick // 240),
            "payment.checks.cvv": (CHECKS, pick // 960),
            "payment.billing_address.country": (countries, payer),
            "payment.shipping_address.country": (countries, payer),
            "merchant.mcc": (tuple(CATEGORIES), draw.merchant),
            "merchant.country": (countries[:20], draw.merchant),
            "payer.country": (countries, payer),
            "card.bin": (codes, bins),
            "card.brand": (BRANDS, bins),
            "card.country": (countries, bins),
            "card.funding": (FUNDING, bins),
            "device.language": (LANGUAGES, pick // 3840),
            "ip.country": (countries, draw.address // 4_096),
        }


_HASHED = {
    "merchant.id": "merchant",
    "payer.id": "payer",
    "card.fingerprint": "card",
    "device.id": "device",
    "ip.address": "ip",
    "ip.prefix": "ip_prefix",
    "email.canonical": "email",
    "email.domain": "email_domain",
}


class _Texts:
    """Texts to numbers, in order of first use."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}

    def id(self, text: str) -> int:
        return self._ids.setdefault(text, len(self._ids))

    def listed(self) -> tuple[str, ...]:
        return tuple(self._ids)
