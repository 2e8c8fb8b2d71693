"""Settings of an installation: `paywarden.toml` in the home folder, and the environment.

Guards: every key has a documented default; unknown keys refuse to start (`kit.settings`). Secrets
are files under `keys/`, never values here.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class Server(msgspec.Struct, frozen=True):
    """Where the API listens: an address, or (`socket`) a unix socket for a proxy of this machine.

    An address that is not loopback needs [tls]. `recycle_seconds`: a worker that refused a card
    number is replaced, at the earliest when it is so old; 0 never.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65_535)] = 8080
    socket: str = ""
    max_in_flight: Annotated[int, Meta(ge=1, le=100_000)] = 512
    recycle_seconds: Annotated[float, Meta(ge=0, le=1_000_000)] = 900.0


class Tls(msgspec.Struct, frozen=True):
    """Certificate chain and private key as PEM files; both or neither. Paths from the home."""

    certificate: str = ""
    key: str = ""
    minimum: Literal["1.2", "1.3"] = "1.2"


class Installation(msgspec.Struct, frozen=True):
    """Whose installation this is, and how strict it is."""

    tenant: str = "default"
    mode: Literal["development", "production"] = "development"
    log_level: Literal["debug", "info", "warning", "error"] = "info"


class History(msgspec.Struct, frozen=True):
    """Since when the log holds all payments of the tenant.

    Empty: since ever, as for a new business. An RFC 3339 instant: windows that reach before it are
    partial until the log is long enough.
    """

    complete_from: str = ""


class Identity(msgspec.Struct, frozen=True):
    """How people reach the sign-in page; passkeys are bound to this domain for ever."""

    rp_id: str = "localhost"
    rp_name: str = "Paywarden"
    origin: str = "http://localhost:8080"
    breached_passwords: str = ""


class Checkpoints(msgspec.Struct, frozen=True):
    """How often the state of the windows is written down, so that a restart is short.

    While one is made, a second process holds the windows in memory too. 0: never.
    """

    every_payments: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 1_000_000


class Tables(msgspec.Struct, frozen=True):
    """Operator's own table files; empty means none. Paths are relative to the home folder."""

    bins: str = ""
    ip_country: str = ""
    ip_asn: str = ""
    datacenters: str = ""
    vpns: str = ""
    rates: str = ""


class CardEnvironment(msgspec.Struct, frozen=True):
    """The card data environment whose signed card facts are believed: its public keys, as a file.

    One key a line, `KEY_ID BASE64`; read again when the file changes. The path is relative to the
    home folder; no file, no facts are believed.
    """

    facts_keys: str = "cde/facts.keys"


class Webhooks(msgspec.Struct, frozen=True):
    """Networks (CIDR) that webhooks may reach beside public addresses; plain http only there."""

    allowed_networks: tuple[str, ...] = ()


class Audit(msgspec.Struct, frozen=True):
    """The audit log's witness; empty means none. `witness_key` reads name+hash+key."""

    witness_url: str = ""
    witness_key: str = ""


class Limits(msgspec.Struct, frozen=True):
    """Requests a second in the long run, and how many at once; a rate of 0 is no limit.

    `trusted_proxies`: addresses or networks whose X-Forwarded-For is believed, between commas;
    `unix` is whoever comes by the socket.
    `exempt_keys`: ids of API keys (`key_...`), between commas, without limit by key and
    principal: the operator's own.
    """

    address_per_second: Annotated[float, Meta(ge=0, le=1_000_000)] = 200.0
    address_burst: Annotated[int, Meta(ge=1, le=1_000_000)] = 1_000
    key_per_second: Annotated[float, Meta(ge=0, le=1_000_000)] = 1_000.0
    key_burst: Annotated[int, Meta(ge=1, le=1_000_000)] = 5_000
    principal_per_second: Annotated[float, Meta(ge=0, le=1_000_000)] = 2_000.0
    principal_burst: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000
    trusted_proxies: str = ""
    exempt_keys: str = ""


class Labels(msgspec.Struct, frozen=True):
    """When labels come in unusual numbers from one sender of one source within an hour.

    Up to `hourly_floor` is never unusual; beyond it, more than `usual_factor` times what is usual
    of the sender and its source, or `payments_share` of all payments known, is a flood. `on_flood`:
    "hold" lets what is over the rate wait for approval (live environments; others hear an alarm),
    "alarm" takes it in all the same, "refuse" refuses it.
    """

    hourly_floor: Annotated[int, Meta(ge=1, le=10_000_000)] = 500
    usual_factor: Annotated[float, Meta(ge=1, le=1_000_000)] = 10.0
    payments_share: Annotated[float, Meta(gt=0, le=1)] = 0.02
    on_flood: Literal["hold", "alarm", "refuse"] = "hold"


class Monitoring(msgspec.Struct, frozen=True):
    """Whether the log is followed for money laundering, and how often it is looked at.

    It begins `start_seconds` after the server, so that payments are served first.
    """

    follow: bool = True
    look_seconds: Annotated[float, Meta(ge=0.05, le=3_600)] = 1.0
    start_seconds: Annotated[float, Meta(ge=0, le=3_600)] = 10.0


class Settings(msgspec.Struct, frozen=True):
    """All sections."""

    server: Server = Server()
    tls: Tls = Tls()
    installation: Installation = Installation()
    history: History = History()
    checkpoints: Checkpoints = Checkpoints()
    tables: Tables = Tables()
    audit: Audit = Audit()
    limits: Limits = Limits()
    card_environment: CardEnvironment = CardEnvironment()
    webhooks: Webhooks = Webhooks()
    labels: Labels = Labels()
    monitoring: Monitoring = Monitoring()
    identity: Identity = Identity()


DEFAULT_TEXT = """\
# Paywarden settings. Every value below is the default; remove the # to change it.
# Variables of the environment win: PAYWARDEN_SERVER__PORT=9000 sets server.port.

[server]
# host = "127.0.0.1"        # other than loopback only with [tls]
# port = 8080
# socket = ""               # a unix socket (0660) instead, for a proxy that checks certificates
# max_in_flight = 512       # more requests at once are answered 429; tenants share them fairly
# recycle_seconds = 900     # a worker that refused a card number is replaced, no sooner than this

[tls]
# certificate = "tls/chain.pem"   # the server's certificate and what signed it
# key = "tls/key.pem"             # mode 0600
# minimum = "1.2"                 # or "1.3"

[installation]
# tenant = "default"        # the legal entity that owns these payments
# mode = "development"      # "production" refuses insecure stand-ins
# log_level = "info"

[history]
# When Paywarden is put in front of traffic that exists already, say since when its log is complete.
# Windows that reach further back are partial, and rules that need the whole of them do not fire.
# complete_from = "2026-11-22T00:00:00Z"

[labels]
# Labels in bulk from one sender of one source within an hour; see docs/explanation/labels.md.
# hourly_floor = 500        # so many are never unusual
# usual_factor = 10.0       # more than so many times the usual hour of sender and source is
# payments_share = 0.02     # and so is more than this share of all payments known
# on_flood = "hold"         # until a second person decides; or "alarm" alone, or "refuse"

[audit]
# A witness on another machine cosigns the audit log; see docs/how-to/verify-the-log.md.
# witness_url = "http://127.0.0.1:8090"
# witness_key = "name+hash+key"

[checkpoints]
# A restart replays what came since the last checkpoint of the windows, some 15 seconds a million.
# While one is made, a second process holds the windows in memory as well.
# every_payments = 1000000  # 0: never

[tables]
# Your own reference files (CSV, CSV.gz or text); see docs/operate/tables.md for their form.
# bins = "tables/bins.csv"
# ip_country = "tables/ip_country.csv"
# ip_asn = "tables/ip_asn.csv"
# datacenters = "tables/datacenters.txt"
# vpns = "tables/vpns.txt"
# rates = "tables/rates.csv"

[card_environment]
# Public keys of the card data environment, which signs what is known of a tokenised card.
# facts_keys = "cde/facts.keys"

[webhooks]
# Webhooks go to public https addresses only. Networks of your own that they may reach as well:
# allowed_networks = ["10.20.0.0/16"]

[monitoring]
# follow = true             # follow flows of money over the log (a process of its own)
# look_seconds = 1.0        # between two looks at the log; transfers wait 15 minutes for late ones
# start_seconds = 10.0      # after the server

[identity]
# rp_id = "localhost"                  # domain that passkeys are bound to: choose it once
# rp_name = "Paywarden"
# origin = "http://localhost:8080"     # where browsers find /sign-in; https in production
# breached_passwords = ""              # sorted SHA-1 lines; see docs/how-to/people-and-sign-in.md

[limits]
# Requests a second in the long run and how many at once, by address (IPv6: /64), by API key, and by
# principal (tenant, environment and merchant). 0 is no limit. See docs/reference/rate-limits.md.
# address_per_second = 200.0
# address_burst = 1000
# key_per_second = 1000.0
# key_burst = 5000
# principal_per_second = 2000.0
# principal_burst = 10000
# trusted_proxies = ""      # "127.0.0.1, 10.0.0.0/8, unix": whose X-Forwarded-For is believed
# exempt_keys = ""          # "key_...": your own keys, not limited by key and principal
"""
