#!/usr/bin/env python3
"""Verify an exported audit log. Python's standard library only; read it before you trust it.

    python verify.py DIR --trust FILE [--known NOTE] [--json]   a whole export
    python verify.py receipt RECEIPT --trust FILE               a decision stands in the log
    python verify.py promise PROMISE DIR --trust FILE           a promise was kept, or was not

Exit codes: 0 everything holds; 1 something does not, the first bad record is named; 2 the records
agree with each other, but without pinned keys nobody knows whose they are ("origin unproven").

Keys come from FILE alone, never from DIR. FILE holds lines `log KEY` and `witness NAME KEY` (C2SP
tlog-policy), where KEY is `name+hash+key`; `quorum NAME` demands that witness under the newest
checkpoint. NOTE is a checkpoint that you kept or were sent earlier: the export must extend it.

What is checked, record by record: canonical form (RFC 8785), place, name of the log, hash against
the exported tiles. For every checkpoint: its root over all records before it (so all checkpoints
are consistent), its signature (Ed25519, RFC 8032), its cosignatures, its time. Formats: RFC 9162
section 2.1, C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-tiles.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import os
import sys
from multiprocessing import Pool

GOOD, BAD, UNPROVEN = 0, 1, 2
LOG_KEY, WITNESS_KEY = 0x01, 0x04
PER_FILE = 65_536
TILE = 256
SKEW_US = 300_000_000
RESTORED, STEP_BACK = "audit:log:restored", "audit:clock:step_back"
NAMES = [
    "action", "actor", "at_us", "detail", "index", "origin", "outcome", "personal", "scope", "v",
]  # fmt: skip


class Fault(Exception):
    """Something does not hold; `record` is the first bad one (or None)."""

    def __init__(self, code, text, record=None):
        super().__init__(code, text, record)
        self.code, self.text, self.record = code, text, record


# --- Ed25519 (RFC 8032 section 5.1): verification only, so nothing here is secret ---

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)


def point_add(a, b):
    """Sum of two points in extended coordinates (X, Y, Z, T)."""
    p, q = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    r, s = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = q - p, s - r, s + r, q + p
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_double(a):
    """Twice a point; cheaper than adding it to itself."""
    p, q = a[0] * a[0] % P, a[1] * a[1] % P
    r, h = 2 * a[2] * a[2], p + q
    e, g = h - (a[0] + a[1]) ** 2, p - q
    f = r + g
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_of(octets):
    """The point that 32 octets encode; None when they encode none."""
    y = int.from_bytes(octets, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


NEUTRAL = (0, 1, 1, 0)
BASE = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def table_of(point):
    """0 to 15 times a point."""
    made = [NEUTRAL]
    for _ in range(15):
        made.append(point_add(made[-1], point))
    return made


def comb_of(point):
    """0 to 15 times each of 1, 16, 256, ... times a point: a sum of 64 of them is any multiple."""
    made = []
    for _ in range(64):
        made.append(table_of(point))
        for _ in range(4):
            point = point_double(point)
    return made


BASE_COMB = comb_of(BASE)
COMBS = {}  # type: ignore[var-annotated]


def ed25519_verifies(public, message, signature):
    """Whether `signature` (64 octets) over `message` is that of the key `public` (32 octets)."""
    if len(public) != 32 or len(signature) != 64:
        return False
    if public not in COMBS:
        point = point_of(public)
        # Minus A, so that one sum suffices: s B - k A == R. One key signs many checkpoints.
        COMBS[public] = point and comb_of((P - point[0], point[1], 1, P - point[3]))
    comb, s = COMBS[public], int.from_bytes(signature[32:], "little")
    if comb is None or s >= ORDER:
        return False
    hashed = hashlib.sha512(signature[:32] + public + message).digest()
    k = int.from_bytes(hashed, "little") % ORDER
    total = NEUTRAL
    for place in range(64):
        total = point_add(total, BASE_COMB[place][s >> 4 * place & 15])
        total = point_add(total, comb[place][k >> 4 * place & 15])
    inverse = pow(total[2], P - 2, P)
    x, y = total[0] * inverse % P, total[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]


# --- Merkle tree (RFC 9162 section 2.1) ---


def leaf_hash(leaf):
    """Hash of a record."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left, right):
    """Hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def push(stack, one, count=1):
    """Put the hash of a complete subtree of `count` leaves on a stack of (hash, leaves)."""
    while stack and stack[-1][1] == count:
        one, count = node_hash(stack.pop()[0], one), count * 2
    stack.append((one, count))


def complete_root(hashes):
    """Root over a power of two of hashes, level by level."""
    sha256 = hashlib.sha256
    while len(hashes) > 1:
        pairs = zip(hashes[::2], hashes[1::2])
        hashes = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return hashes[0]


def root_of(stack):
    """Root over everything on a stack."""
    if not stack:
        return hashlib.sha256(b"").digest()
    found = stack[-1][0]
    for one, _ in reversed(stack[:-1]):
        found = node_hash(one, found)
    return found


def leads_to(leaf, index, size, proof):
    """The root to which `proof` leads from the leaf hash at `index` of `size`; None: to none."""
    if not (type(index) is type(size) is int and 0 <= index < size):
        return None
    place, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return None
        if place & 1 or place == last:
            found = node_hash(sibling, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    return found if last == 0 else None


def includes(leaf, index, size, proof, root):
    """Whether `proof` shows the leaf hash `leaf` at `index` under `root` (2.1.3.2)."""
    return leads_to(leaf, index, size, proof) == root


# --- keys and signed notes (C2SP) ---


class Key:
    """A public key: `name+hash+key`."""

    def __init__(self, text):
        name, _, rest = text.partition("+")
        hint, _, encoded = rest.partition("+")
        octets = unbase64(encoded)
        bound = hashlib.sha256(name.encode() + b"\n" + octets).digest()[:4]
        if len(octets) != 33 or bound.hex() != hint:
            raise Fault("key_invalid", f"the key of {name!r} is damaged")
        self.name, self.kind, self.public, self.hint = name, octets[0], octets[1:], bound


def read_text(path):
    """Content of a text file."""
    with open(path, encoding="utf-8") as file:
        return file.read()


class Trust:
    """What FILE pins: keys of the log by name, witnesses by name, and who must have cosigned."""

    def __init__(self, path=None):
        self.logs, self.witnesses, self.quorum = {}, {}, None
        for line in read_text(path).splitlines() if path else ():
            words = line.split("#")[0].split()
            if not words:
                continue
            if words[0] == "log" and len(words) >= 2:
                key = Key(words[1])
                self.logs[key.name] = key
            elif words[0] == "witness" and len(words) >= 3:
                self.witnesses[words[1]] = Key(words[2])
            elif words[0] == "quorum" and len(words) == 2:
                self.quorum = None if words[1] == "none" else words[1]
            else:
                raise Fault("trust_unreadable", f"{words[0]!r} is no line of a trust file")
        if self.quorum is not None and self.quorum not in self.witnesses:
            raise Fault("trust_unreadable", "quorum names a witness that the file does not list")


def unbase64(text):
    """Octets of a base-64 text; Fault when it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Fault("malformed", "a base-64 text cannot be read") from None


class Checkpoint:
    """A signed note that states size and root of a log."""

    def __init__(self, note):
        text, found, lines = note.rpartition("\n\n")
        self.text = text + "\n"
        parts = self.text.split("\n")
        if not found or len(parts) < 4 or not parts[1].isdecimal():
            raise Fault("checkpoint_malformed", "this is not a checkpoint")
        self.origin, self.size, self.root = parts[0], int(parts[1]), unbase64(parts[2])
        times = [line[5:] for line in parts[3:] if line.startswith("time=")]
        self.at_us = int(times[0]) if len(times) == 1 and times[0].isdecimal() else None
        self.signatures = []
        for line in lines.splitlines():
            words = line.split(" ")
            if len(words) != 3 or words[0] != "\u2014":
                raise Fault("checkpoint_malformed", "a signature line cannot be read")
            octets = unbase64(words[2])
            self.signatures.append((words[1], octets[:4], octets[4:]))

    def signed_by(self, key):
        """Whether the log's key signed the text."""
        return any(
            ed25519_verifies(key.public, self.text.encode(), octets)
            for name, hint, octets in self.signatures
            if key.kind == LOG_KEY and (name, hint) == (key.name, key.hint)
        )

    def cosigned(self, key):
        """Second at which the witness saw it; None without a signature; Fault for a wrong one."""
        for name, hint, octets in self.signatures:
            if key.kind != WITNESS_KEY or (name, hint) != (key.name, key.hint):
                continue
            seconds = int.from_bytes(octets[:8], "big")
            message = f"cosignature/v1\ntime {seconds}\n{self.text}".encode()
            if not ed25519_verifies(key.public, message, octets[8:]):
                raise Fault("cosignature_wrong", f"the cosignature of {key.name} is wrong")
            return seconds
        return None


def check_signatures(given):
    """Check signature and cosignatures of one checkpoint; (fault or None, cosigning names)."""
    note, trust = given
    try:
        found = Checkpoint(note)
        key = trust.logs.get(found.origin)
        if key is None:
            raise Fault("origin_unknown", f"no pinned key for the log {found.origin!r}")
        if not found.signed_by(key):
            raise Fault("signature_wrong", "the pinned key did not sign this checkpoint")
        names = [name for name, one in trust.witnesses.items() if found.cosigned(one) is not None]
    except Fault as fault:
        return fault, []
    return None, names


# --- records ---


ENCODE = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
DECODE = json.JSONDecoder().decode


def canonical(value):
    """JSON by RFC 8785 for texts, whole numbers, booleans, null and objects of them."""
    return ENCODE(value).encode()


def read_record(line, index):
    """The record at `index`, checked by itself; Fault naming it."""
    try:
        text = line.decode()
        record = DECODE(text)
        # In a canonical text the names stand in order, so that they need not be sorted here.
        good = isinstance(record, dict) and list(record) == NAMES and ENCODE(record) == text
    except (ValueError, RecursionError):
        good = False
    if not good:
        raise Fault("record_malformed", "the record is not in canonical form", index)
    if record["v"] != 1 or type(record["at_us"]) is not int or type(record["index"]) is not int:
        raise Fault("record_malformed", "the record is of no known version", index)
    if record["index"] != index:
        text = f"the record in place {index} says it is number {record['index']}"
        raise Fault("record_out_of_place", f"{text}: one was removed, added or moved", index)
    return record


def check_file(given):
    """Check one file of records; what the whole needs of it. Runs in a process of its own."""
    folder, first, count, sizes, spans, want = given
    path = record_file(folder, first)
    stack, roots, marks, found = [], {}, [], {}
    names, tile, number, origin = [], [], first, None
    try:
        with open(path, "rb") as lines:
            for line in lines:
                if number >= first + count or not line.endswith(b"\n"):
                    raise Fault("record_unexpected", "there is more than was signed", number)
                line = line[:-1]
                record = read_record(line, number)
                tile.append(leaf_hash(line))
                if record["action"] in (RESTORED, STEP_BACK):
                    marks.append((number, record["action"], record["detail"]))
                if record["origin"] != origin:
                    origin = record["origin"]
                    names.append((number, origin, record["action"]))
                check_time(record, number, spans)
                if number in want:
                    found[number] = line
                number += 1
                if number in sizes:
                    roots[number] = together(stack, tile)
                if len(tile) == TILE:
                    check_tile(folder, number // TILE - 1, tile)
                    push(stack, complete_root(tile), TILE)
                    tile = []
        if number < first + count:
            raise Fault("record_missing", "records are missing that a checkpoint covers", number)
        if tile:
            check_tile(folder, number // TILE, tile)
            stack = together(stack, tile)
    except FileNotFoundError:
        return Fault("record_missing", f"the file of record {first} is missing", first)
    except Fault as fault:
        return fault
    return {"stack": stack, "roots": roots, "marks": marks, "names": names, "found": found}


def together(stack, hashes):
    """A stack with the hashes of some more leaves on it."""
    made = list(stack)
    for one in hashes:
        push(made, one)
    return made


def record_file(folder, first):
    """Path of the file of records that begins with number `first`."""
    return os.path.join(folder, "records", f"{first // PER_FILE:06d}.jsonl")


def tile_path(level, number, width):
    """Path of a tile (C2SP tlog-tiles)."""
    steps = [f"{number % 1000:03d}"]
    while number := number // 1000:
        steps.append(f"x{number % 1000:03d}")
    partial = "" if width == TILE else f".p/{width}"
    return f"tile/{level}/{'/'.join(reversed(steps))}{partial}"


def check_tile(folder, number, hashes):
    """Compare records with the tile that was made when they were logged; name the first."""
    try:
        with open(os.path.join(folder, tile_path(0, number, len(hashes))), "rb") as file:
            octets = file.read()
    except FileNotFoundError:
        return  # checkpoints decide; a tile only says which record it is
    if octets == b"".join(hashes):
        return
    for place, hashed in enumerate(hashes):
        if octets[32 * place : 32 * place + 32] != hashed:
            record = number * TILE + place
            raise Fault("record_altered", "the record is not the one that was logged", record)


def check_time(record, number, spans):
    """A record's time lies between the checkpoints around it (spans: size, earliest, latest)."""
    while len(spans) > 1 and number >= spans[0][0]:
        spans.pop(0)
    if spans and spans[0][1] is not None and number < spans[0][0]:
        _, earliest, latest = spans[0]
        if not earliest - SKEW_US <= record["at_us"] <= latest + SKEW_US:
            raise Fault("time_implausible", "the record's time is outside its checkpoints'", number)


# --- a whole export ---


class InProcess:
    """A pool of no processes."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def imap(self, function, given, chunksize=1):
        """Map lazily, here."""
        return map(function, given)


class Export:
    """A folder written by `paywarden audit export`."""

    def __init__(self, folder):
        self.folder = folder
        path = os.path.join(folder, "checkpoints.jsonl")
        try:
            with open(path, encoding="utf-8") as lines:
                self.notes = [json.loads(line) for line in lines]
        except (OSError, ValueError):
            raise Fault("checkpoints_unreadable", "checkpoints.jsonl cannot be read") from None
        if not all(isinstance(note, str) for note in self.notes) or not self.notes:
            raise Fault("checkpoints_unreadable", "checkpoints.jsonl holds no checkpoints")
        self.checkpoints = [Checkpoint(note) for note in self.notes]
        self.known_sizes = frozenset()

    def verify(self, trust, known=(), want=(), processes=None):
        """Check everything; what was found. Raises the first Fault."""
        pinned = bool(trust.logs)
        self._order(known)
        with InProcess() if processes == 0 else Pool(processes) as pool:
            signed = []
            if pinned:
                given = [(note, trust) for note in self.notes]
                signed = pool.imap(check_signatures, given, chunksize=16)
            parts = pool.imap(check_file, self._work(set(want)))
            found = self._records(parts, known)
            cosigned = self._signatures(signed)
        if pinned:
            for one in known:
                fault, _ = check_signatures((one.note, trust))
                if fault:
                    raise fault
        if trust.quorum and trust.quorum not in (cosigned[-1] if cosigned else ()):
            raise Fault("witness_missing", f"{trust.quorum} did not cosign the newest checkpoint")
        last = self.checkpoints[-1]
        return {
            "records": last.size,
            "checkpoints": len(self.checkpoints),
            "cosigned_checkpoints": sum(1 for names in cosigned if names),
            "log": last.origin,
            "root": base64.b64encode(last.root).decode(),
            "restored_at": [number for number, action, _ in found["marks"] if action == RESTORED],
            "clock_stepped_back_at": [n for n, action, _ in found["marks"] if action == STEP_BACK],
            "found": found["found"],
        }

    def _order(self, known):
        """Sizes and times of checkpoints ascend; one size has one root."""
        for before, after in zip(self.checkpoints, self.checkpoints[1:]):
            if after.size == before.size and after.root != before.root:
                text = f"two checkpoints of size {after.size} have different roots"
                raise Fault("fork", text, after.size - 1)
            if after.size < before.size or (
                after.size == before.size and before.text == after.text
            ):
                text = f"a checkpoint of size {after.size} follows one of size {before.size}"
                raise Fault("checkpoint_replayed", text, after.size)
        for one in known:
            if one.size > self.checkpoints[-1].size:
                text = f"a checkpoint of size {one.size} is known, the export ends earlier"
                raise Fault("truncated", text, self.checkpoints[-1].size)

    def _work(self, want):
        sizes = {one.size for one in self.checkpoints} | self.known_sizes
        spans, before = [], None
        for one in self.checkpoints:
            latest, earliest = one.at_us, before.at_us if before else 0
            if latest is None or earliest is None or latest < earliest:
                spans.append((one.size, None, None))  # judged by `_clock`
            else:
                spans.append((one.size, earliest, latest))
            before = one
        total = self.checkpoints[-1].size
        for first in range(0, total, PER_FILE):
            count = min(PER_FILE, total - first)
            end = first + count
            near = [span for span in spans if first < span[0]]
            cut = next((at for at, span in enumerate(near) if span[0] >= end), len(near) - 1)
            inside = {size for size in sizes if first < size <= end}
            wanted = {index for index in want if first <= index < end}
            yield self.folder, first, count, inside, near[: cut + 1], wanted

    def _records(self, parts, known):
        """Put the files joined: roots of every checkpoint, names, marks."""
        roots = {}
        for one in (*self.checkpoints, *known):
            roots.setdefault(one.size, []).append(one)
        stack, marks, names, found, covered = [], [], [], {}, 0
        for part in parts:
            if isinstance(part, Fault):
                raise part
            for size in sorted(part["roots"]):
                joined = list(stack)
                for one, count in part["roots"][size]:
                    push(joined, one, count)
                for checkpoint in roots[size]:
                    if root_of(joined) != checkpoint.root:
                        text = f"records {covered} to {size - 1} are not those that were signed"
                        raise Fault("root_differs", text, covered)
                covered = size
            for one, count in part["stack"]:
                push(stack, one, count)
            marks += part["marks"]
            names += [name for name in part["names"] if not names or names[-1][1] != name[1]]
            found.update(part["found"])
        self._names(names)
        self._clock(marks)
        return {"marks": marks, "found": found}

    def _names(self, names):
        """The log's name changes only where the log says that it was restored."""
        for number, name, action in names[1:]:
            if action != RESTORED:
                raise Fault("origin_changed", f"the log calls itself {name!r} from here", number)
        for one in self.checkpoints:
            inside = [name for number, name, _ in names if number < one.size]
            if not inside or inside[-1] != one.origin:
                raise Fault("origin_changed", f"a checkpoint is of {one.origin!r}", one.size - 1)

    def _clock(self, marks):
        """The time of checkpoints goes back only where the log says that the clock did."""
        for before, after in zip(self.checkpoints, self.checkpoints[1:]):
            if after.at_us is None or before.at_us is None or after.at_us >= before.at_us - 10**6:
                continue
            told = {STEP_BACK, RESTORED}
            if not any(before.size <= n < after.size and a in told for n, a, _ in marks):
                text = f"the checkpoint of size {after.size} is older than the one before it"
                raise Fault("clock_back", text, before.size)

    def _signatures(self, signed):
        cosigned = []
        for checkpoint, (fault, names) in zip(self.checkpoints, signed):
            if fault:
                raise Fault(fault.code, f"checkpoint {checkpoint.size}: {fault.text}",
                            checkpoint.size - 1)  # fmt: skip
            cosigned.append(names)
        return cosigned


def known_note(path):
    """A checkpoint from a file of its own."""
    note = read_text(path)
    made = Checkpoint(note)
    made.note = note
    return made


def verify_export(arguments):
    """`verify.py DIR`."""
    trust = Trust(arguments.trust)
    export = Export(arguments.words[0])
    known = [known_note(path) for path in arguments.known]
    export.known_sizes = frozenset(one.size for one in known)
    found = export.verify(trust, known, processes=arguments.processes)
    del found["found"]
    found["decisions"] = check_decisions(export.folder)
    found["journal_entries"] = check_journal(export.folder)
    if not trust.logs:
        found["verdict"] = "origin unproven: no keys were pinned (--trust)"
        return UNPROVEN, found
    found["verdict"] = "verified"
    return GOOD, found


# --- decisions, receipts, promises ---


def check_decisions(folder):
    """Where decisions were exported, each matches the hash in its leaf; how many there are."""
    path, count, current, lines = os.path.join(folder, "decisions.jsonl"), 0, None, []
    if not os.path.exists(path):
        return 0
    with open(path, "rb") as statements:
        for text in statements:
            given = json.loads(text)
            index = given["index"]
            if current != index // PER_FILE:
                current = index // PER_FILE
                with open(record_file(folder, index), "rb") as file:
                    lines = file.read().split(b"\n")
            record = json.loads(lines[index % PER_FILE])
            if record["detail"].get("decision") != decision_hash(given["decision"]):
                raise Fault("decision_differs", "the decision is not the one logged", index)
            count += 1
    return count


def check_journal(folder):
    """The exporter's own findings on the event log that stands behind the leaves.

    An exporter that hides them is found by `check_decisions`, which trusts it with nothing.
    """
    path = os.path.join(folder, "journal.json")
    if not os.path.exists(path):
        return None
    report = load(path)
    for one in report["findings"]:
        where = f"entry {one['seq']}: " if "seq" in one else ""
        text = f"{where}{one['detail']} ({report['findings_total']} findings in all)"
        raise Fault(one["code"], text, one.get("record"))
    return report["entries"]


def decision_hash(answer):
    """Hash of what a decision's answer states: base 64 of SHA-256 over its canonical form."""
    if answer.get("v") == 1:  # a statement as exported, not an answer
        return base64.b64encode(hashlib.sha256(canonical(answer)).digest()).decode()
    action = answer.get("required_action")
    reasons = answer["reasons"]
    stated = {
        "attempt": answer["attempt"],
        "degraded": ",".join(answer["degraded"]),
        "id": answer["id"],
        "outcome": answer["outcome"],
        "payment_id": answer["payment_id"],
        "points": answer["points"],
        "reasons": ",".join(one if isinstance(one, str) else one["code"] for one in reasons),
        "required_action": action["kind"] if isinstance(action, dict) else action,
        "ruleset": answer["ruleset"],
        "v": 1,
    }
    return base64.b64encode(hashlib.sha256(canonical(stated)).digest()).decode()


def check_promise(promise, trust):
    """The log's signature over the commit's promises holds this one; Fault unless it does.

    The promises of one commit are the leaves of a tree, and the pinned key signed its root.
    """
    key = trust.logs.get(promise["log"])
    if key is None:
        raise Fault("origin_unknown", f"no pinned key for the log {promise['log']!r}")
    log, size = promise["log"], promise["batch_size"]
    text = lines("paywarden promise v1", log, promise["index"], promise["decision"],
                 promise["at_us"])  # fmt: skip
    path = [unbase64(one) for one in promise["batch_path"]]
    root = leads_to(leaf_hash(text), promise["batch_index"], size, path)
    octets = unbase64(promise["signature"])
    if root is None or octets[:4] != key.hint or not ed25519_verifies(
        key.public, lines("paywarden promises v1", log, size, base64.b64encode(root).decode()),
        octets[4:],
    ):  # fmt: skip
        raise Fault("signature_wrong", "the pinned key did not sign this promise")


def lines(*words):
    """A signed text: each word on a line of its own."""
    return "".join(f"{word}\n" for word in words).encode()


def promise_of(document):
    """The promise in an answer, a receipt, or alone; checked against the answer beside it."""
    promise = document.get("promise") or document.get("receipt") or document
    if "outcome" in document and decision_hash(document) != promise["decision"]:
        raise Fault("decision_differs", "the answer is not the one that was promised")
    return promise


def verify_receipt(arguments):
    """`verify.py receipt FILE`: promise, leaf, inclusion and signed checkpoint belong together."""
    trust, receipt = Trust(arguments.trust), load(arguments.words[1])
    if not trust.logs:
        return UNPROVEN, {"verdict": "origin unproven: no keys were pinned (--trust)"}
    promise, leaf = receipt["promise"], receipt["leaf"].encode()
    check_promise(promise, trust)
    fault, names = check_signatures((receipt["checkpoint"], trust))
    if fault:
        raise fault
    checkpoint, index = Checkpoint(receipt["checkpoint"]), promise["index"]
    proof = [unbase64(one) for one in receipt["proof"]]
    if not includes(leaf_hash(leaf), index, checkpoint.size, proof, checkpoint.root):
        raise Fault("not_included", "the proof does not lead to the signed root", index)
    record = read_record(leaf, index)
    if record["detail"].get("decision") != promise["decision"]:
        raise Fault("promise_broken", "the log holds another decision in that place", index)
    answer = receipt.get("answer")
    if answer is not None and decision_hash(answer) != promise["decision"]:
        raise Fault("decision_differs", "the answer is not the one in the log", index)
    found = {"verdict": "verified", "index": index, "log": promise["log"], "cosigned_by": names}
    return GOOD, found


def verify_promise(arguments):
    """`verify.py promise FILE DIR`: whether the export holds what was promised."""
    trust, promise = Trust(arguments.trust), promise_of(load(arguments.words[1]))
    if not trust.logs:
        return UNPROVEN, {"verdict": "origin unproven: no keys were pinned (--trust)"}
    check_promise(promise, trust)
    index = promise["index"]
    found = Export(arguments.words[2]).verify(trust, want=[index], processes=arguments.processes)
    if index >= found["records"]:
        raise Fault("promise_open", "the export ends before the promised place", index)
    record = json.loads(found["found"][index])
    same = record["detail"].get("decision") == promise["decision"]
    if record["origin"] != promise["log"] or not same:
        text = "the promise was signed by this log, and the log holds another record in its place"
        raise Fault("promise_broken", text, index)
    return GOOD, {"verdict": "kept", "index": index, "log": promise["log"]}


def load(path):
    """A JSON document from a file."""
    found = json.loads(read_text(path))
    if not isinstance(found, dict):
        raise Fault("malformed", f"{path} holds no JSON object")
    return found


def main(words: list[str] | None = None) -> int:
    """Run; the exit code."""
    parser = argparse.ArgumentParser(description="Verify an exported Paywarden audit log.")
    parser.add_argument("words", nargs="+", metavar="DIR | receipt FILE | promise FILE DIR")
    parser.add_argument("--trust", metavar="FILE", help="pinned keys; they never come from DIR")
    parser.add_argument("--known", action="append", default=[], metavar="NOTE")
    parser.add_argument("--processes", type=int, help="default: one a processor; 0: none")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(words)
    tasks = {("receipt", 2): verify_receipt, ("promise", 3): verify_promise}
    task = tasks.get((arguments.words[0], len(arguments.words)))
    if task is None and len(arguments.words) != 1:
        parser.error("give DIR, or receipt FILE, or promise FILE DIR")
    try:
        code, found = (task or verify_export)(arguments)
    except Fault as fault:
        code = BAD
        found = {"verdict": fault.code, "detail": fault.text, "first_bad_record": fault.record}
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as fault:
        code = BAD
        found = {"verdict": "unreadable", "detail": type(fault).__name__, "first_bad_record": None}
    if arguments.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name}: {value}")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
