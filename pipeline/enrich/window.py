"""The newest fingerprints: which mentions are near copies, and how much an author says at once.

A ``Window`` finds the earliest mention that is like a given one, with or without new words around:
candidates share all numbers of one of ``BANDS`` bands (LSH), and are then compared whole. And it
counts what the same author said in the hour before. What it answers depends on the order in which
mentions were first added and on nothing else; adding one again, as after a crash, changes nothing.
Memory is bounded, some 0.29 kB a fingerprint.
"""

import zlib
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from pipeline.enrich.duplicates import NUMBERS
from pipeline.enrich.ids import Ids
from schemas.fingerprint import Fingerprint
from schemas.mention import Duplicate, Producer

__all__ = ["LIKE", "MOST_RATED", "Window"]

LIKE: Final = 0.45
"""From this share of equal numbers on, a mention is a copy."""
MOST_RATED: Final = 60
"""Mentions of one author within an hour that are counted: looking at them is what it costs."""
BY: Final = Producer(name="minhash", version="3")

ROWS: Final = 3
BANDS: Final = NUMBERS // ROWS

_LATER: Final = 600_000
"""Milliseconds: a mention is no copy of one that was collected so much later (an old one again)."""
_HOUR: Final = 3_600_000
_MOST_TWINS: Final = 100
"""Equal texts whose authors are remembered."""
_DEEPEST: Final = 256
"""Candidates of one band that are looked at."""

Bytes: TypeAlias = npt.NDArray[np.uint8]
_SHORT, _WHOLE, _BEGINNING = range(3)
_COMPARABLE: Final = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0]], np.bool_)
"""Which kinds may be compared: a beginning only with a text that may be one."""
_AT_ONCE: Final = 2_000
"""Pairs compared in one go: what that takes stays in the processor's cache, and is taken from what
is free, where more would be fetched from the system and given back each time."""
_ADDED_AT_ONCE: Final = 1_000
"""Mentions added in one go, for the same reason."""
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
"""Fibonacci hashing: what is close gets far apart."""


class _Copy(NamedTuple):
    order: int
    time: int
    author: int
    """0 where nobody knows."""


class _Entries(NamedTuple):
    """The fingerprints of some mentions, a row each: a long text has two."""

    owners: list[int]
    """Which mention each is of."""
    kinds: list[int]
    numbers: Bytes
    """The lower byte of each: two differ in it but for one pair in 256."""
    places: npt.NDArray[np.intp]
    """Where each band's chain starts."""


class Window:
    """The fingerprints of the newest mentions.

    Fingerprint number n (its serial, from 0) is in slot n modulo the size. What is told of slots is
    kept in arrays, those of single numbers behind views, through which one is read and written in a
    third of the time.

    Args:
        size: how many fingerprints; a long text has two.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._bits = bits = max((size - 1).bit_length() - 1, 8)
        self._mask = (1 << bits) - 1
        self._starts = np.arange(BANDS) << bits
        """Where each band's part of the heads starts."""
        self._heads = np.full(BANDS << bits, -1, np.int32)
        self._chains = np.full((size, BANDS), -1, np.int32)
        self._numbers: Bytes = np.zeros((size, NUMBERS), np.uint8)
        self._kinds = np.zeros(size, np.uint8).data
        self._orders = np.zeros(size, np.int64).data
        self._times = np.zeros(size, np.int64).data
        self._authors = np.zeros(size, np.int64).data
        self._sums = np.zeros(size, np.uint32).data
        """Checksums of numbers and kind."""
        self._posted = np.zeros(size, np.int64).data
        """When it was said; 0 where nobody knows."""
        self._rates = np.zeros(size, np.uint8).data
        """How many others its author had said in the hour before, when it was added first."""
        self._newest = np.full(1 << bits, -1, np.int32).data
        """The newest mention of each author, by their hash; of those that share a place, of all."""
        self._former = np.full(size, -1, np.int32).data
        """The slot before, of those that share a place."""
        self._ids = Ids(size)
        """By serial."""
        self._gone: set[str] = set()
        self._twins = np.full(1 << bits, -1, np.int32).data
        """Where the slot stands that stands for all equal ones in the chains, by checksum. Of two
        that share a place the later one has it: the earlier takes no more copies in."""
        self._others: dict[int, deque[_Copy]] = {}
        """What a serial stands for beside itself."""
        self._next = 0

    def __len__(self) -> int:
        return min(self._next, self._size)

    def add(self, prints: Sequence[tuple[str, Fingerprint]]) -> None:
        """Add mentions, in order; one that was added before keeps its place in the order."""
        at_once = max(min(self._size // 4, _ADDED_AT_ONCE), 1)  # half a window at most
        for part in range(0, len(prints), at_once):
            self._add(prints[part : part + at_once])

    def forget(self, mention_id: str) -> None:
        """A deleted mention leads no story."""
        if self._ids.find(mention_id) is not None:
            self._gone.add(mention_id)

    def rates(self, asked: Iterable[str]) -> dict[str, int]:
        """How many others the same author said in the hour before each; no entry where none.

        Counted are mentions that have a fingerprint, a known author and a known time, stand before
        in the order, are no reposts and are still in the window; ``MOST_RATED`` at most.

        Args:
            asked: ids of mentions that were added before.
        """
        serials = {name: self._ids.find(name) for name in asked}
        rates, size = self._rates, self._size
        found = {name: rates[n % size] for name, n in serials.items() if n is not None}
        return {name: rate for name, rate in found.items() if rate}

    def find(self, asked: Mapping[str, Fingerprint]) -> dict[str, Duplicate]:
        """Of which earliest mention each is a copy; what is no copy is left out.

        Args:
            asked: mentions that were added before, by id, and their fingerprints.
        """
        entries = self._entries(asked.values())
        ids, prints = list(asked), list(asked.values())
        names = [ids[owner] for owner in entries.owners]
        by_name = {name: self._order(name) for name in names}
        orders = np.array([by_name[name] for name in names], np.int64)
        latest = np.array([prints[owner].collected_at + _LATER for owner in entries.owners])
        kinds = np.array(entries.kinds, np.intp)
        rows, slots = self._earlier(entries.places, orders)
        fit = np.asarray(self._times).take(slots) <= latest.take(rows)
        fit &= _COMPARABLE[kinds.take(rows), np.asarray(self._kinds).take(slots)]
        rows, slots = rows[fit], slots[fit]
        best: dict[str, tuple[int, float, str]] = {}
        copies: dict[str, set[_Copy]] = {}
        for part in range(0, len(rows), _AT_ONCE):
            some, there = rows[part : part + _AT_ONCE], slots[part : part + _AT_ONCE]
            equal = self._numbers.take(there, axis=0) == entries.numbers.take(some, axis=0)
            # A quarter of what count_nonzero takes; no row's sum is more than a byte holds.
            shares = np.einsum("ij->i", equal.view(np.uint8)) / NUMBERS
            like = shares >= LIKE
            for row, slot, share in zip(
                some[like].tolist(), there[like].tolist(), shares[like].tolist(), strict=True
            ):
                name, other = names[row], self._ids[self._serial(slot)]
                if other == name or other in self._gone:
                    continue
                found = self._orders[slot], -round(share, 3), other
                best[name] = min(best.get(name, found), found)
                copies.setdefault(name, set()).update(self._copies(slot))
        return {
            name: self._duplicate(of, -share, by_name[name], asked[name], copies[name])
            for name, (_, share, of) in best.items()
        }

    def _copies(self, slot: int) -> list[_Copy]:
        """A slot's mention and those it stands for."""
        this = _Copy(self._orders[slot], self._times[slot], self._authors[slot])
        return [this, *self._others.get(self._serial(slot), ())]

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
        serial = self._ids.find(mention_id)
        return self._next if serial is None else self._orders[serial % self._size]

    def _serial(self, slot: int) -> int:
        """The serial of what a slot holds, or, where it is empty, a negative number."""
        last = self._next - 1
        return last - (last - slot) % self._size

    def _entries(self, prints: Iterable[Fingerprint]) -> _Entries:
        owners: list[int] = []
        kinds: list[int] = []
        packed: list[bytes] = []
        for owner, print_ in enumerate(prints):
            if print_.whole is None:
                continue
            owners.append(owner)
            packed.append(print_.whole)
            if print_.head is None:
                kinds.append(_SHORT)
            else:
                owners.append(owner)
                packed.append(print_.head)
                kinds += (_WHOLE, _BEGINNING)
        numbers = np.frombuffer(b"".join(packed), "<u2").reshape(len(packed), NUMBERS)
        bands = numbers.astype(np.uint64).reshape(len(packed), BANDS, ROWS)
        mixed = (bands[..., 0] << np.uint64(32)) | (bands[..., 1] << np.uint64(16)) | bands[..., 2]
        places = ((mixed * _SPREAD) >> np.uint64(64 - self._bits)).astype(np.intp)
        return _Entries(owners, kinds, numbers.astype(np.uint8), places + self._starts)

    def _add(self, prints: Sequence[tuple[str, Fingerprint]]) -> None:
        entries = self._entries(print_ for _, print_ in prints)
        checksums = self._checksums(entries)
        first, size = self._next, self._size
        orders, times, authors, posted = self._orders, self._times, self._authors, self._posted
        sums, twins, rates = self._sums, self._twins, self._rates
        ids, gone = self._ids, self._gone
        slots = np.arange(first, first + len(checksums)) % size
        homes = (np.asarray(sums)[slots] & self._mask).tolist()
        # What is told of these slots is still that of half a window ago: too old to be a twin.
        np.asarray(sums)[slots] = checksums
        np.asarray(self._kinds)[slots] = entries.kinds
        self._numbers[slots] = entries.numbers
        self._chains[slots] = -1
        linked: list[int] = []
        for row, (owner, checksum) in enumerate(zip(entries.owners, checksums, strict=True)):
            name, print_ = prints[owner]
            gone.discard(name)
            serial = first + row
            slot = serial % size
            if serial >= size:
                self._evict(serial - size, homes[row])
            before = ids.append(name)
            order = serial if before is None else orders[before % size]
            orders[slot] = order
            times[slot] = print_.collected_at
            authors[slot] = print_.author or 0
            if before is not None:
                posted[slot] = 0  # its first fingerprint is what counts
                rates[slot] = rates[before % size]
            elif print_.author and print_.published_at:
                posted[slot] = print_.published_at
                rates[slot] = self._rate(slot, print_.author, print_.published_at)
            else:
                posted[slot] = rates[slot] = 0
            # Of many equal ones a chain holds the first, and one more in each half of the window.
            home = checksum & self._mask
            twin = twins[home]
            if twin >= 0 and sums[twin] == checksum and self._equal(twin, slot):
                led_by = serial - (slot - twin) % size
                if serial - led_by < size // 2 and ids[led_by] not in gone:
                    if (others := self._others.get(led_by)) is None:
                        others = self._others[led_by] = deque(maxlen=_MOST_TWINS)
                    others.append(_Copy(order, print_.collected_at, print_.author or 0))
                    continue
            twins[home] = slot
            linked.append(row)
        self._next = first + len(checksums)
        self._link(slots[linked], entries.places[linked])

    def _rate(self, slot: int, author: int, now: int) -> int:
        """Remember a mention that was added just now as its author's newest; see ``rates``."""
        home = author & self._mask
        at = self._former[slot] = self._newest[home]
        self._newest[home] = slot
        if at < 0:
            return 0
        authors, posted, times, former = self._authors, self._posted, self._times, self._former
        size, since, before, rate = self._size, now - _HOUR, 0, 0
        for _ in range(MOST_RATED):
            # A slot used again holds a newer mention than the one that pointed to it.
            if at < 0 or (age := (slot - at) % size) <= before:
                break
            # Whatever was collected earlier than that was said earlier, too.
            if times[at] < since:
                break
            rate += authors[at] == author and since <= posted[at] <= now
            before, at = age, former[at]
        return rate

    def _evict(self, serial: int, home: int) -> None:
        """Empty the slot of a serial; chains end where a slot was used again.

        Args:
            serial: the oldest.
            home: where it stands among twins, if it does.
        """
        slot = serial % self._size
        if self._twins[home] == slot:
            self._twins[home] = -1
        author = self._authors[slot] & self._mask
        if self._newest[author] == slot:
            self._newest[author] = -1
        self._others.pop(serial, None)
        if self._gone:
            mention_id = self._ids[serial]
            if self._ids.find(mention_id) == serial:
                self._gone.discard(mention_id)

    def _link(self, slots: npt.NDArray[np.intp], places: npt.NDArray[np.intp]) -> None:
        """Put slots, in their order, at the heads of their chains."""
        # Sorted by place, and in it by order: each comes before the one on its left, if that is of
        # the same chain, and else before what was the chain's head.
        shift = len(slots).bit_length()
        keys = np.sort((places << shift | np.arange(len(slots))[:, None]).ravel())
        at, ordered = keys >> shift, slots[keys & ((1 << shift) - 1)]
        follows = np.flatnonzero(at[1:] == at[:-1])
        nexts = self._heads[at]
        nexts[follows + 1] = ordered[follows]
        self._chains[ordered, at >> self._bits] = nexts
        self._heads[at] = ordered  # of several with one place the last one stays

    def _checksums(self, entries: _Entries) -> list[int]:
        packed = entries.numbers.tobytes()
        return [
            zlib.crc32(packed[start : start + NUMBERS], kind)
            for start, kind in zip(range(0, len(packed), NUMBERS), entries.kinds, strict=True)
        ]

    def _equal(self, one: int, other: int) -> bool:
        """Whether two slots hold equal fingerprints."""
        numbers = self._numbers
        return self._kinds[one] == self._kinds[other] and np.array_equal(
            numbers[one], numbers[other]
        )

    def _earlier(
        self, places: npt.NDArray[np.intp], orders: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Pairs of a row and a slot that share a band, of mentions before the row's order."""
        rows, bands = np.divmod(np.arange(places.size), BANDS)
        slots = self._heads.take(places.ravel()).astype(np.intp)
        before = np.full(places.size, self._next)
        pairs: list[npt.NDArray[np.intp]] = [np.zeros(0, np.intp)]
        last, order_of = self._next - 1, np.asarray(self._orders)
        turn = last % self._size
        for _ in range(_DEEPEST):
            serials = (last - turn) + slots
            serials[slots > turn] -= self._size
            # A slot used again holds a newer mention than the one that pointed to it.
            live = np.flatnonzero((slots >= 0) & (serials < before))
            if not len(live):
                break
            rows, bands, slots = rows.take(live), bands.take(live), slots.take(live)
            before = serials.take(live)
            fit = order_of.take(slots) < orders.take(rows)
            pairs.append(rows[fit] * self._size + slots[fit])
            slots = self._chains.take(slots * BANDS + bands).astype(np.intp)
        found = np.sort(np.concatenate(pairs))
        once = np.append(True, found[1:] != found[:-1])[: len(found)]
        return np.divmod(found[once], self._size)
