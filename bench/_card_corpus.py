"""A planted corpus: numbers in many written forms, and innocents that look like them.

Every plant is a file of its own folder `<form>/`, so that recall and precision can be told for each
form. Numbers are drawn from the published brand prefixes by a seed.
"""

from __future__ import annotations

import base64
import bz2
import gzip
import hashlib
import io
import json
import lzma
import random
import sqlite3
import string
import tarfile
import urllib.parse
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl

from paywarden.reference.card_numbers import luhn_check_digit, luhn_valid

BRANDS = (
    ("4", 16),
    ("4", 19),
    ("51", 16),
    ("55", 16),
    ("2221", 16),
    ("2720", 16),
    ("34", 15),
    ("37", 15),
    ("6011", 16),
    ("644", 16),
    ("65", 16),
    ("36", 14),
    ("38", 14),
    ("3528", 16),
    ("3589", 16),
    ("62", 16),
    ("62", 19),
    ("4", 16),
    ("4", 16),
    ("53", 16),
)
FULL_WIDTH = {48 + n: 0xFF10 + n for n in range(10)}
ARABIC = {48 + n: 0x0660 + n for n in range(10)}
DEVANAGARI = {48 + n: 0x0966 + n for n in range(10)}
WORDS = [
    "the",
    "order",
    "of",
    "our",
    "customer",
    "was",
    "paid",
    "and",
    "sent",
    "to",
    "a",
    "shop",
    "in",
    "town",
    "with",
    "thanks",
    "for",
    "all",
]


def pan(rng: random.Random, prefix: str = "", length: int = 0) -> str:
    """A number that passes for a card."""
    if not prefix:
        prefix, length = rng.choice(BRANDS)
    body = prefix + "".join(rng.choices(string.digits, k=length - 1 - len(prefix)))
    return body + luhn_check_digit(body)


def prose(rng: random.Random, words: int = 12) -> str:
    return " ".join(rng.choices(WORDS, k=words))


def grouped(number: str, mark: str) -> str:
    sizes = {15: (4, 6, 5), 14: (4, 6, 4)}.get(len(number), (4, 4, 4, 4, 3))
    parts, at = [], 0
    for size in sizes:
        parts.append(number[at : at + size])
        at += size
    return mark.join(part for part in parts if part)


def mixed(rng: random.Random, number: str) -> str:
    text = grouped(number, "|")
    return "".join(rng.choice(" -.\u00a0") if ch == "|" else ch for ch in text)


def said(rng: random.Random, text: str) -> str:
    return f"{prose(rng)} {text} {prose(rng)}\n"


def _text(shape: Callable[[random.Random, str], str]) -> Callable[[random.Random, str], bytes]:
    return lambda rng, number: said(rng, shape(rng, number)).encode()


def _zip(name: str, octets: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, octets)
    return sink.getvalue()


def _tar(octets: bytes) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w:gz") as archive:
        entry = tarfile.TarInfo("inner/note.txt")
        entry.size = len(octets)
        archive.addfile(entry, io.BytesIO(octets))
    return sink.getvalue()


def _sqlite(rng: random.Random, number: str) -> bytes:
    database = sqlite3.connect(":memory:")
    database.execute("create table payments (id integer primary key, note text, n integer, b blob)")
    place = rng.randrange(3)
    for n in range(50):
        row = [said(rng, str(n)), n, b"x"]
        if n == 42:
            row[place] = (
                said(rng, number),
                int(number) if int(number) < 2**63 else 0,
                number.encode(),
            )[place]
            if place == 1 and int(number) >= 2**63:
                row[0] = number
        database.execute("insert into payments values (?, ?, ?, ?)", (n, *row))
    database.commit()
    octets = database.serialize()
    database.close()
    return octets


def _parquet(rng: random.Random, number: str) -> bytes:
    sink = io.BytesIO()
    whole = int(number) if int(number) < 2**63 else 0
    pl.DataFrame(
        {
            "id": list(range(100)),
            "note": [
                said(rng, number) if n == 7 and (not whole or n % 2) else "x" for n in range(100)
            ]
            if rng.random() < 0.5 or not whole
            else ["x"] * 99 + [number],
            "amount": [rng.randrange(10**6) for _ in range(100)],
        }
    ).write_parquet(sink, compression="zstd")
    return sink.getvalue()


def _parquet_integer(rng: random.Random, number: str) -> bytes:
    sink = io.BytesIO()
    number = number if int(number) < 2**63 else pan(rng, "4", 16)
    cells = [rng.randrange(10**6) for _ in range(99)] + [int(number)]
    pl.DataFrame({"card": cells}).write_parquet(sink)
    return sink.getvalue()


def _docx(number: str) -> bytes:
    cut = len(number) // 2
    xml = (
        "<?xml version='1.0'?><w:document><w:body><w:p><w:r><w:t>"
        + number[:cut]
        + "</w:t></w:r><w:r><w:t>"
        + number[cut:]
        + "</w:t></w:r></w:p></w:body></w:document>"
    )
    return _zip("word/document.xml", xml.encode())


def _mail(rng: random.Random, number: str) -> bytes:
    body = base64.encodebytes((said(rng, number) * 1).encode() + prose(rng, 60).encode())
    return (
        b"From: shop@shop.example\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + body
    )


def _packed(rng: random.Random, number: str) -> bytes:
    octets = bytes.fromhex(number if len(number) % 2 == 0 else "0" + number)
    return bytes(rng.randrange(8)) + b"\x00" * 4 + octets + b"\x00" * 9


def _track1(rng: random.Random, number: str) -> str:
    return f"%B{number}^DOE/{prose(rng, 1).upper()}^2912{rng.randrange(100, 999)}0000000?"


def _json(rng: random.Random, number: str) -> str:
    return json.dumps({"id": rng.randrange(10**6), "card": grouped(number, " "), "ok": True})


FORMS: dict[str, Callable[[random.Random, str], bytes]] = {
    "plain": _text(lambda rng, n: n),
    "spaces": _text(lambda rng, n: grouped(n, " ")),
    "dashes": _text(lambda rng, n: grouped(n, "-")),
    "dots": _text(lambda rng, n: grouped(n, ".")),
    "no-break-spaces": _text(lambda rng, n: grouped(n, "\u00a0")),
    "thin-spaces": _text(lambda rng, n: grouped(n, "\u2009")),
    "mixed-separators": _text(mixed),
    "en-dashes": _text(lambda rng, n: grouped(n, "\u2013")),
    "single-digits": _text(lambda rng, n: " ".join(n)),
    "zero-width": _text(lambda rng, n: "\u200b".join(n)),
    "csv": lambda rng, n: (
        f"id,card,amount\n{rng.randrange(999)},{n},{rng.randrange(9999)}\n".encode()
    ),
    "json": _text(_json),
    "xml": _text(lambda rng, n: f"<card>{n}</card>"),
    "float": lambda rng, n: f"a,{n}.0,b\n".encode(),
    "full-width": _text(lambda rng, n: n.translate(FULL_WIDTH)),
    "arabic-digits": _text(lambda rng, n: n.translate(ARABIC)),
    "devanagari": _text(lambda rng, n: n.translate(DEVANAGARI)),
    "utf-16-le": lambda rng, n: said(rng, n).encode("utf-16-le"),
    "utf-16-be": lambda rng, n: said(rng, grouped(n, " ")).encode("utf-16-be"),
    "utf-16-bom-full-width": lambda rng, n: said(rng, n.translate(FULL_WIDTH)).encode("utf-16"),
    "base64": _text(lambda rng, n: base64.b64encode(said(rng, n).encode()).decode()),
    "base64-bare": _text(lambda rng, n: base64.b64encode(n.encode()).decode().rstrip("=")),
    "base64url": _text(
        lambda rng, n: base64.urlsafe_b64encode(
            rng.randbytes(rng.randrange(9)) + b"=" + n.encode()
        ).decode()
    ),
    "base64-utf-16": _text(lambda rng, n: base64.b64encode(n.encode("utf-16-le")).decode()),
    "mime-base64": lambda rng, n: base64.encodebytes(
        (prose(rng, rng.randrange(5, 20)) + n + prose(rng, 20)).encode()
    ),
    "hex": _text(lambda rng, n: said(rng, n).encode().hex()),
    "hex-upper": _text(lambda rng, n: ("x" + grouped(n, "-")).encode().hex().upper()),
    "url-escaped": _text(lambda rng, n: "q=" + urllib.parse.quote(grouped(n, " ")) + "&a=1"),
    "url-all-escaped": _text(lambda rng, n: "".join(f"%{ord(ch):02X}" for ch in n)),
    "form-plus": _text(lambda rng, n: "q=" + grouped(n, "+") + "&a=1"),
    "json-escaped": _text(lambda rng, n: "".join(f"\\u{ord(ch):04x}" for ch in n)),
    "html-entities": _text(lambda rng, n: "".join(f"&#{ord(ch)};" for ch in n)),
    "html-nbsp": _text(lambda rng, n: grouped(n, "&nbsp;")),
    "gzip": lambda rng, n: gzip.compress(said(rng, n).encode()),
    "bzip2": lambda rng, n: bz2.compress(said(rng, n).encode()),
    "xz": lambda rng, n: lzma.compress(said(rng, n).encode()),
    "zip": lambda rng, n: _zip("note.txt", said(rng, n).encode()),
    "zip-in-zip": lambda rng, n: _zip("a.zip", _zip("b.gz", gzip.compress(said(rng, n).encode()))),
    "tar-gz": lambda rng, n: _tar(said(rng, n).encode()),
    "xlsx": lambda rng, n: _zip("xl/sharedStrings.xml", f"<sst><si><t>{n}</t></si></sst>".encode()),
    "docx-cut": lambda rng, n: _docx(n),
    "eml": _mail,
    "sqlite": _sqlite,
    "parquet": _parquet,
    "parquet-integer": _parquet_integer,
    "track1": _text(_track1),
    "track2": _text(lambda rng, n: f";{n}=2912{rng.randrange(100, 999)}0000000?"),
    "track2-d": _text(lambda rng, n: f"{n}D2912{rng.randrange(100, 999)}0000000"),
    "packed": _packed,
    "packed-emv": lambda rng, n: (
        rng.randbytes(9)
        + b"\x5a"
        + bytes([(len(n) + 1) // 2])
        + bytes.fromhex(n + "f" * (len(n) % 2))
        + b"\x5f\x24\x03\x29\x12\x31"
    ),
    "packed-track2": lambda rng, n: (
        b"\x57\x13" + bytes.fromhex((n + "d2912" + "101" + "0" * 30)[:38]) + b"\x5f\x20"
    ),
    "glued-letters": _text(lambda rng, n: f"PAN{n}EXP1229"),
    "log-line": lambda rng, n: (
        f'2026-11-25T12:00:01.123456Z INFO {{"pan":"{n}","amount":1}}\n'.encode()
    ),
    "with-expiry": _text(lambda rng, n: grouped(n, " ") + " 12/29 123"),
    "late-in-block": lambda rng, n: prose(rng, 9).encode() * 22_000 + b" " + n.encode() + b" end",
    "across-blocks": lambda rng, n: (
        b"x" * ((1 << 20) - rng.randrange(1, len(n))) + n.encode() + b"y" * 5_000
    ),
}


def _bad_luhn(rng: random.Random) -> str:
    number = pan(rng)
    return number[:-1] + str((int(number[-1]) + rng.randrange(1, 10)) % 10)


def _luhn(rng: random.Random, prefix: str, length: int) -> str:
    return pan(rng, prefix, length)


def _iban(rng: random.Random) -> str:
    body = "".join(rng.choices(string.digits, k=18))
    check = 98 - int(body + "131400") % 97
    text = f"DE{check:02d}{body}"
    return text if rng.random() < 0.5 else " ".join(text[n : n + 4] for n in range(0, 22, 4))


def _ean(rng: random.Random) -> str:
    body = rng.choice(("40", "49", "50", "30", "57")) + "".join(rng.choices(string.digits, k=10))
    return body + str(-sum(int(d) * (3 if n % 2 else 1) for n, d in enumerate(body)) % 10)


def _phone(rng: random.Random) -> str:
    return rng.choice(("+49 30 ", "+44 20 ", "+34 ", "+62 812 ", "0049")) + " ".join(
        str(rng.randrange(100, 9999)) for _ in range(2)
    )


def _table_row(rng: random.Random) -> str:
    return " ".join(f"{rng.randrange(10**4):04d}" for _ in range(rng.choice((5, 6, 7, 9, 10, 25))))


def _hash(rng: random.Random) -> str:
    """A digest in which a stretch of digits passes for a card."""
    text = hashlib.sha256(rng.randbytes(8)).hexdigest()
    return text[:20] + "a" + pan(rng, "4", 16) + "b" + text[38:] + "c"


def _uuid(rng: random.Random) -> str:
    while True:
        text = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        if rng.random() < 0.02 or sum(ch.isdigit() for ch in text) > 26:
            return text


def _two(rng: random.Random, low: int, high: int) -> str:
    return f"{rng.randrange(low, high):02d}"


def _clock(rng: random.Random) -> str:
    return _two(rng, 0, 24) + _two(rng, 0, 60) + _two(rng, 0, 60)


INNOCENTS: dict[str, Callable[[random.Random], str]] = {
    "orders-failing-luhn": _bad_luhn,
    "no-brand-16": lambda rng: _luhn(rng, rng.choice(("1", "7", "9", "0", "66", "21", "31")), 16),
    "iban": _iban,
    "timestamps": lambda rng: rng.choice(
        (
            str(rng.randrange(1_500_000_000_000, 1_900_000_000_000)),
            str(rng.randrange(1_500_000_000_000_000, 1_900_000_000_000_000)),
            f"2026{_two(rng, 1, 13)}{_two(rng, 1, 29)}{_clock(rng)}",
            f"2026-11-{_two(rng, 1, 29)} 12:{_two(rng, 0, 60)}:01.{rng.randrange(10**6):06d}",
            f"30{_two(rng, 1, 13)}2026{_clock(rng)}",
        )
    ),
    "uuid": _uuid,
    "sha256": _hash,
    "floats": lambda rng: f"0.{pan(rng)}" if rng.random() < 0.5 else f"{rng.random() * 1e3!r}",
    "phones": _phone,
    "imei": lambda rng: _luhn(rng, rng.choice(("35", "86", "01", "99")), 15),
    "barcodes": _ean,
    "longer-runs": lambda rng: "9" + pan(rng) + str(rng.randrange(10**6, 10**7)),
    "card-inside-run": lambda rng: str(rng.randrange(1, 9)) * 4 + pan(rng, "4", 16),
    "repeated-digits": lambda rng: rng.choice("0123456789") * 16,
    "table-rows": _table_row,
    "ip-addresses": lambda rng: ".".join(str(rng.randrange(256)) for _ in range(4)),
    "versions": lambda rng: ".".join(str(rng.randrange(2030)) for _ in range(5)),
    "masked": lambda rng: (lambda n: n[:6] + "*" * (len(n) - 10) + n[-4:])(pan(rng)),
    "usps-tracking": lambda rng: " ".join(
        ["9400", "1000"] + [f"{rng.randrange(10**4):04d}" for _ in range(3)] + ["42"]
    ),
    "base64-of-noise": lambda rng: base64.b64encode(rng.randbytes(60)).decode(),
    "dates-and-amounts": lambda rng: (
        f"25-11-2026 {rng.randrange(10**4)} {rng.randrange(10**5)}-{rng.randrange(10**3)}"
    ),
}


def plant(root: Path, seed: int, each: int) -> dict[str, dict[str, str]]:
    """Write `each` files of every form and innocent; {form: {path: number or ""}}."""
    rng = random.Random(seed)
    planted: dict[str, dict[str, str]] = {}
    for form, make in FORMS.items():
        for n in range(each if form not in ("late-in-block",) else min(each, 4)):
            number = pan(rng)
            path = root / "cards" / form / f"{n}.dat"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(make(rng, number))
            planted.setdefault(form, {})[str(path)] = number
    for form, innocent in INNOCENTS.items():
        path = root / "innocent" / form / "lines.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(said(rng, innocent(rng)) for _ in range(each * 20)))
        planted.setdefault("innocent " + form, {})[str(path)] = ""
    return planted


__all__ = ["FORMS", "INNOCENTS", "luhn_valid", "pan", "plant"]
