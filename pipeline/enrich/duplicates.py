"""Near copies: retweets, wire copies, cross-posts, light edits, with or without new words around.

A text's *fingerprint* is a MinHash (``rensa``) of its pairs of neighbouring words and of its longer
words, links and handles left out: the share of numbers that two fingerprints have in common is an
estimate of the share of features that the texts have in common (Jaccard). A long text has a second
one, of its beginning, so that it is found again where it was cut off.

A ``Window`` holds the newest fingerprints and finds the earliest mention that is like a given one:
candidates share all numbers of one of ``BANDS`` bands (LSH), and are then compared whole. What it
answers depends on the order in which mentions were first added and on nothing else; adding one
again, as after a crash, changes nothing. Memory is bounded, some 0.35 kB a fingerprint.
"""

import hashlib
import re
import zlib
from collections import deque
from collections.abc import Mapping
from itertools import pairwise
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from rensa import RMinHash

from pipeline.enrich.text import View
from schemas.fingerprint import Fingerprint
from schemas.mention import Duplicate, Producer, RawMention

__all__ = ["BY", "LIKE", "Window", "fingerprint"]

BANDS: Final = 20
ROWS: Final = 3
NUMBERS: Final = BANDS * ROWS
LIKE: Final = 0.45
"""From this share of equal numbers on, a mention is a copy."""
BY: Final = Producer(name="minhash", version="2")

_HEAD: Final = 280
"""Characters of a long text's beginning."""
_LONG: Final = 350
"""From here on a text is long."""
_READ: Final = 20_000
_FEWEST: Final = 5
"""Texts of fewer words are alike by chance: no story."""
_LONGER: Final = 6
_SEED: Final = 20
_LATER: Final = 600_000
"""Milliseconds: a mention is no copy of one that was collected so much later (an old one again)."""
_HOUR: Final = 3_600_000
_MOST_TWINS: Final = 100
"""Equal texts whose authors are remembered."""
_DEEPEST: Final = 256
"""Candidates of one band that are looked at."""
_WORD: Final = re.compile(r"\w+")

Bytes: TypeAlias = npt.NDArray[np.uint8]
_SHORT, _WHOLE, _BEGINNING = range(3)
_COMPARABLE: Final = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0]], np.bool_)
"""Which kinds may be compared: a beginning only with a text that may be one."""
_AT_ONCE: Final = 50_000
"""Pairs compared in one go, to bound memory."""
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
"""Fibonacci hashing: what is close gets far apart."""


def fingerprint(view: View, mention: RawMention) -> Fingerprint:
    """The fingerprint of a mention; without numbers where its text is too short to have a copy.

    Args:
        view: its text.
        mention: when it was collected, and whose it is.
    """
    prose = view.prose[:_READ].lower()
    whole = _numbers(prose)
    return Fingerprint(
        collected_at=int(mention.collected_at.timestamp() * 1_000),
        author=_author(mention),
        whole=whole,
        head=_numbers(prose[:_HEAD]) if whole and len(prose) > _LONG else None,
    )


def _author(mention: RawMention) -> int | None:
    author, thread = mention.author, mention.thread
    name = author and (author.id or author.handle or author.url)
    if not name or (thread is not None and thread.kind == "repost"):
        return None
    source = mention.id.partition(":")[0]
    digest = hashlib.blake2b(f"{source}:{name}".encode(errors="replace"), digest_size=6).digest()
    return int.from_bytes(digest, "big") or None


def _numbers(prose: str) -> bytes | None:
    words = _WORD.findall(prose)
    if words[:1] == ["rt"]:
        del words[0]
    if len(words) < _FEWEST:
        return None
    features = [f"{one} {two}" for one, two in pairwise(words)]
    features += [word for word in words if len(word) >= _LONGER]
    minhash = RMinHash(NUMBERS, _SEED)
    minhash.update(features)
    return np.array(minhash.digest(), np.uint32).astype("<u2").tobytes()


class _Copy(NamedTuple):
    order: int
    time: int
    author: int
    """0 where nobody knows."""


class _Entry(Struct, frozen=True):
    """One fingerprint of a mention, to be added or asked for."""

    kind: int
    numbers: Bytes
    """The lower byte of each: two differ in it but for one pair in 256."""
    places: npt.NDArray[np.intp]
    """Where each band's chain starts."""


class Window:
    """The fingerprints of the newest mentions.

    Args:
        size: how many fingerprints; a long text has two.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._bits = max((size - 1).bit_length() - 1, 8)
        self._bands = np.arange(BANDS)
        self._heads = np.full((BANDS, 1 << self._bits), -1, np.int32)
        self._chains = np.full((size, BANDS), -1, np.int32)
        self._numbers: Bytes = np.zeros((size, NUMBERS), np.uint8)
        self._kinds = np.zeros(size, np.uint8)
        self._serials = np.full(size, -1, np.int64)
        self._orders = np.zeros(size, np.int64)
        self._times = np.zeros(size, np.int64)
        self._authors = np.zeros(size, np.int64)
        self._ids = [""] * size
        self._known: dict[str, int] = {}
        """The newest serial of each mention."""
        self._gone: set[str] = set()
        self._twins = np.full(1 << self._bits, -1, np.int32)
        """Where the slot stands that stands for all equal ones in the chains, by ``_home``. Of two
        that share a place the later one has it: the earlier takes no more copies in."""
        self._others: dict[int, deque[_Copy]] = {}
        """What a serial stands for beside itself."""
        self._next = 0

    def __len__(self) -> int:
        return min(self._next, self._size)

    def add(self, mention_id: str, print_: Fingerprint) -> None:
        """Add a mention; one that was added before keeps its place in the order."""
        order = self._order(mention_id)
        self._gone.discard(mention_id)
        for entry in self._entries(print_):
            self._put(mention_id, _Copy(order, print_.collected_at, print_.author or 0), entry)

    def forget(self, mention_id: str) -> None:
        """A deleted mention leads no story."""
        if mention_id in self._known:
            self._gone.add(mention_id)

    def find(self, asked: Mapping[str, Fingerprint]) -> dict[str, Duplicate]:
        """Of which earliest mention each is a copy; what is no copy is left out.

        Args:
            asked: mentions that were added before, by id, and their fingerprints.
        """
        owners = [
            (name, entry) for name, print_ in asked.items() for entry in self._entries(print_)
        ]
        if not owners:
            return {}
        names = [name for name, _ in owners]
        numbers = np.stack([entry.numbers for _, entry in owners])
        kinds = np.array([entry.kind for _, entry in owners])
        orders = np.array([self._order(name) for name in names])
        latest = np.array([asked[name].collected_at + _LATER for name in names])
        rows, slots = self._candidates(np.stack([entry.places for _, entry in owners]))
        fit = (
            (self._orders[slots] < orders[rows])
            & (self._times[slots] <= latest[rows])
            & _COMPARABLE[kinds[rows], self._kinds[slots]]
        )
        rows, slots = rows[fit], slots[fit]
        best: dict[str, tuple[int, float, str]] = {}
        copies: dict[str, set[_Copy]] = {}
        for part in range(0, len(rows), _AT_ONCE):
            some, there = rows[part : part + _AT_ONCE], slots[part : part + _AT_ONCE]
            shares = (self._numbers[there] == numbers[some]).mean(axis=1)
            for place in np.flatnonzero(shares >= LIKE).tolist():
                name, other = names[some[place]], self._ids[there[place]]
                if other == name or other in self._gone:
                    continue
                found = int(self._orders[there[place]]), -round(float(shares[place]), 3), other
                best[name] = min(best.get(name, found), found)
                copies.setdefault(name, set()).update(self._copies(int(there[place])))
        return {
            name: self._duplicate(of, -share, self._order(name), asked[name], copies[name])
            for name, (_, share, of) in best.items()
        }

    def _copies(self, slot: int) -> list[_Copy]:
        """A slot's mention and those it stands for."""
        orders, times, authors = self._orders, self._times, self._authors
        this = _Copy(int(orders[slot]), int(times[slot]), int(authors[slot]))
        return [this, *self._others.get(int(self._serials[slot]), ())]

    @staticmethod
    def _duplicate(
        of: str, similarity: float, order: int, print_: Fingerprint, copies: set[_Copy]
    ) -> Duplicate:
        own, since = print_.author, print_.collected_at - _HOUR
        before = [copy for copy in copies if copy.order < order and copy.author]
        authors = {copy.author for copy in before if copy.time >= since} - {own}
        return Duplicate(
            of=of,
            similarity=similarity,
            repeats=sum(copy.author == own for copy in before),
            authors=min(len(authors), _MOST_TWINS),
            by=BY,
        )

    def _order(self, mention_id: str) -> int:
        """The place of a mention: where it was added first; of a new one, the next."""
        serial = self._known.get(mention_id)
        return self._next if serial is None else int(self._orders[serial % self._size])

    def _entries(self, print_: Fingerprint) -> list[_Entry]:
        if print_.whole is None:
            return []
        parts = [(_SHORT if print_.head is None else _WHOLE, print_.whole)]
        if print_.head is not None:
            parts.append((_BEGINNING, print_.head))
        entries = []
        for kind, packed in parts:
            numbers = np.frombuffer(packed, "<u2")
            rows = numbers.astype(np.uint64).reshape(BANDS, ROWS)
            mixed = (rows[:, 0] << np.uint64(32)) | (rows[:, 1] << np.uint64(16)) | rows[:, 2]
            mixed = (mixed * _SPREAD) >> np.uint64(64 - self._bits)
            entries.append(_Entry(kind, numbers.astype(np.uint8), mixed.astype(np.intp)))
        return entries

    def _put(self, mention_id: str, copy: _Copy, entry: _Entry) -> None:
        serial = self._next
        slot = serial % self._size
        self._next += 1
        self._evict(slot)
        self._serials[slot] = serial
        self._orders[slot], self._times[slot], self._authors[slot] = copy
        self._kinds[slot] = entry.kind
        self._numbers[slot] = entry.numbers
        self._ids[slot] = mention_id
        self._known[mention_id] = serial
        # Of many equal ones a chain holds the first, and one more in each half of the window.
        home = self._home(slot)
        twin = int(self._twins[home])
        if self._equal(twin, slot):
            first = int(self._serials[twin])
            if serial - first < self._size // 2 and self._ids[twin] not in self._gone:
                self._others.setdefault(first, deque(maxlen=_MOST_TWINS)).append(copy)
                return
        self._twins[home] = slot
        self._chains[slot] = self._heads[self._bands, entry.places]
        self._heads[self._bands, entry.places] = slot

    def _evict(self, slot: int) -> None:
        """Make a slot empty; chains end where a slot was used again."""
        serial = int(self._serials[slot])
        if serial < 0:
            return
        home = self._home(slot)
        if self._twins[home] == slot:
            self._twins[home] = -1
        self._others.pop(serial, None)
        mention_id = self._ids[slot]
        if self._known[mention_id] == serial:
            del self._known[mention_id]
            self._gone.discard(mention_id)
        self._chains[slot] = -1

    def _home(self, slot: int) -> int:
        """The place among twins of what a slot holds."""
        return zlib.crc32(self._numbers[slot], int(self._kinds[slot])) & (len(self._twins) - 1)

    def _equal(self, one: int, other: int) -> bool:
        """Whether two slots hold equal fingerprints; ``one`` may be none."""
        return (
            one >= 0
            and self._kinds[one] == self._kinds[other]
            and bool((self._numbers[one] == self._numbers[other]).all())
        )

    def _candidates(
        self, places: npt.NDArray[np.intp]
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Pairs of a row of ``places`` and a slot that share a band."""
        rows, bands = np.divmod(np.arange(places.size), BANDS)
        slots = self._heads[bands, places.ravel()]
        before = np.full(places.size, self._next, np.int64)
        pairs: list[npt.NDArray[np.intp]] = []
        for _ in range(_DEEPEST):
            serials = self._serials[slots]
            # A slot used again holds a newer mention than the one that pointed to it.
            live = (slots >= 0) & (serials < before)
            rows, bands, slots, before = rows[live], bands[live], slots[live], serials[live]
            if not len(slots):
                break
            pairs.append(rows * self._size + slots.astype(np.intp))
            slots = self._chains[slots, bands]
        if not pairs:
            return np.zeros(0, np.intp), np.zeros(0, np.intp)
        return np.divmod(np.unique(np.concatenate(pairs)), self._size)
