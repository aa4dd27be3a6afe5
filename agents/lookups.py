"""Posts are looked up again, for what was edited and what is gone.

The younger a post, the more often. What counts as evidence that it is gone:

* The platform says so of this very post: by a stump of it (``Post.gone``), or in words of its own,
  which a source returns as ``GONE``.
* It is left out of an answer that shows something else that was asked for. An answer that shows
  nothing at all may as well be an outage, a filter, or a right that was lost. Then it is asked for
  again along with *witnesses*: posts that a listing has shown a moment ago, what the platform never
  deletes, or what else is known there. Until one is shown, nothing is taken for gone.
* All that is known at a place may really be gone, and nothing be left to ask along. That is
  believed of a few posts, when no look-up has shown anything for a day, and no listing does, all of
  which were read. Of more it is not: too much would be lost by a mistake.
"""

import heapq
import logging
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final, Protocol

from msgspec import Struct
from pydantic import Field

from agents.errors import Halfway, Missing, RateLimited, SourceError
from agents.known import State
from agents.places import failed
from agents.source import Deletion, Item, Page, SourceConfig

__all__ = ["GONE", "LookUps", "LookUpsConfig", "each"]

_log = logging.getLogger("agents")

GONE: Final = object()
"""In place of a row: the platform says of this post that it is gone."""

_DAY: Final = 86_400
_BATCHES: Final = 10  # most look-ups in one poll
_WITNESSES: Final = 2  # asked along; one may have been deleted itself
_BELIEVED_AFTER: Final = _DAY  # seconds of silence without a witness
_FEW: Final = 3  # posts of which that may be believed
_PROBE: Final = 3  # most posts that are asked for, beside witnesses, at a place that is silent
_FAILURES: Final = 2  # of single posts, before it counts as one of the server


class LookUpsConfig(SourceConfig):
    """Keys of what is looked up again."""

    recheck: Annotated[float, Field(ge=0, le=30 * _DAY)] = 3_600.0
    """Seconds after which a post is looked at again for edits and deletion; later ones follow as
    its age doubles. 0: at each poll."""
    recheck_for: Annotated[float, Field(ge=0, le=365)] = 7.0
    """Days after which a post is left alone; 0 never looks again."""


class _Answer(Struct):
    """What a look-up has found."""

    keys: Sequence[str]
    """What was asked for, witnesses included."""
    found: dict[str, Any]
    broken: SourceError | None = None
    """Why it ended early."""

    @property
    def missing(self) -> list[str]:
        """What was asked for and is not spoken of."""
        return [key for key in self.keys if key not in self.found]

    @property
    def shows(self) -> bool:
        """Whether any post is shown."""
        return any(row is not None and row is not GONE for row in self.found.values())

    @property
    def silent(self) -> bool:
        """Whether something is missing, and nothing is shown."""
        return bool(self.missing) and not self.shows


class Platform(Protocol):
    """What is looked up; ``agents.listed`` says what each of this means."""

    kind: ClassVar[str]
    batch: ClassVar[int]

    @property
    def config(self) -> LookUpsConfig: ...

    def can_be_asked_for(self, key: str) -> bool: ...

    def place(self, key: str) -> str: ...

    def landmark(self, place: str) -> str | None: ...

    def lookup(self, keys: Sequence[str]) -> Mapping[str, Any]: ...

    def deletion(self, key: str, state: State) -> Deletion | None: ...

    def changed(self, row: Any, query: str, state: State) -> Item | None: ...  # noqa: ANN401

    def trim(self, state: State) -> None: ...


class LookUps:
    """The look-ups of one platform, over its polls."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._shown: dict[str, list[str]] = {}
        """By place: posts that the platform has just shown."""

    @property
    def _name(self) -> str:
        return self._platform.config.name

    def again(self, state: State, *, whole: bool) -> Iterator[Page]:
        """Edits and deletions among the posts that are due, of those first that wait longest.

        Args:
            state: what is known.
            whole: whether all listings were read.

        Raises:
            SourceError: at the end, when posts of some places could not be looked up.
        """
        try:
            if self._platform.batch:
                yield from self._again(state, whole=whole)
        finally:
            self._shown.clear()  # what was shown in this poll is no witness in the next

    def _again(self, state: State, *, whole: bool) -> Iterator[Page]:
        size = self._platform.batch
        places: dict[str, list[str]] = {}
        for key in self._due(state, int(time.time())):
            places.setdefault(self._platform.place(key), []).append(key)
        state.silent = {place: at for place, at in state.silent.items() if place in places}
        failures: list[SourceError] = []
        looked: set[str] = set()  # what came along with another is not asked for again
        left = _BATCHES
        for place, due in places.items():
            for start in range(0, min(len(due), left * size), size):
                batch = due[start : start + size]
                keys = [key for key in batch if key not in looked and key in state.seen]
                if not keys:
                    continue
                left -= 1
                try:
                    if not (yield from self._look(place, keys, state, looked, whole=whole)):
                        break
                except RateLimited as error:
                    # The listings are read all the same; what is due stays so till it can be had.
                    _log.debug("%s: looks at no more posts there: %s", self._name, error)
                    break
                except SourceError as error:
                    failures.append(error)
                    break
        if failures:
            raise failed(failures, len(places), "places of look-ups", self._platform.config.every)

    def shown(self, key: str, state: State) -> None:
        """Note that the platform has just shown a post: it may be a witness."""
        if key not in state.seen or not self._platform.can_be_asked_for(key):
            return
        shown = self._shown.setdefault(self._platform.place(key), [])
        if len(shown) < _WITNESSES and key not in shown:
            shown.append(key)

    def _look(
        self,
        place: str,
        keys: Sequence[str],
        state: State,
        looked: set[str],
        *,
        whole: bool,
    ) -> Generator[Page, None, bool]:
        """Look at some posts of one place; whether it makes sense to look at more of them."""
        known = place in state.silent
        answer = self._ask(self._along(place, keys[:_PROBE], state) if known else keys)
        if answer.silent and not known:
            state.silent[place] = int(time.time())
            if answer.broken is None and (along := self._along(place, keys, state)) != keys:
                # Kept, should that have to wait: the next look-up begins with the witnesses.
                yield Page((), state.cursor())
                answer = self._ask(along)
        if answer.shows:
            state.silent.pop(place, None)
        believed = not answer.silent or self._all_gone(place, state, whole=whole)
        answer.found.pop(self._platform.landmark(place) or "", None)
        looked.update(answer.found)
        gone = [self._platform.deletion(key, state) for key in answer.missing] if believed else []
        there = [self._seen_again(key, row, state) for key, row in answer.found.items()]
        items = [item for item in (*gone, *there) if item is not None]
        # Replies that came along are new.
        self._platform.trim(state)
        yield Page(items, state.cursor(), len(gone) + len(there) - len(items))
        if answer.broken is not None:
            raise answer.broken
        if not believed and not known:
            _log.warning(
                "%s: look-ups show nothing%s: until they do, nothing is taken for deleted there",
                self._name,
                place and f" at {place}",
            )
        return believed

    def _ask(self, keys: Sequence[str]) -> _Answer:
        try:
            return _Answer(keys, dict(self._platform.lookup(keys)))
        except Halfway as half:
            return _Answer(half.asked, dict(half.found), half.broken)

    def _along(self, place: str, keys: Sequence[str], state: State) -> Sequence[str]:
        """Posts to look up, and witnesses before them, should it break off."""
        platform, due = self._platform, set(keys)
        others = [key for key in state.seen if key not in due and platform.place(key) == place]
        others = [key for key in others if platform.can_be_asked_for(key)]
        newest = heapq.nlargest(_WITNESSES, others, key=lambda key: state.seen[key].published)
        shown = [key for key in self._shown.get(place, ()) if key in state.seen and key not in due]
        always = [key] if (key := platform.landmark(place)) else []
        witnesses = list(dict.fromkeys([*always, *shown, *newest]))[:_WITNESSES]
        return [*witnesses, *keys][: platform.batch] if witnesses else keys

    def _all_gone(self, place: str, state: State, *, whole: bool) -> bool:
        """Whether a silence is to be believed without a witness."""
        if not whole or place in self._shown:
            return False
        known = sum(self._platform.place(key) == place for key in state.seen)
        return known <= _FEW and time.time() - state.silent[place] >= _BELIEVED_AFTER

    def _seen_again(self, key: str, row: Any, state: State) -> Item | None:  # noqa: ANN401
        if row is GONE:
            return self._platform.deletion(key, state)
        if key in state.seen:
            # Kept in place: an edit replaces it.
            state.seen[key].looked = int(time.time())
        return None if row is None else self._platform.changed(row, self._platform.kind, state)

    def _due(self, state: State, now: int) -> list[str]:
        """What is to be looked at now, that which waits longest first."""
        config = self._platform.config
        every, youngest = config.recheck, now - config.recheck_for * _DAY
        due = [
            (known.looked, key)
            for key, known in state.seen.items()
            if (said := known.published // 1000) >= youngest
            and self._platform.can_be_asked_for(key)
            and (not every or now - known.looked >= max(every, known.looked - said))
        ]
        return [key for _, key in sorted(due)]


def each(keys: Sequence[str], ask: Callable[[str], Mapping[str, Any]]) -> Mapping[str, Any]:
    """Look posts up that take a request each, as far as it goes.

    A post that cannot be had, where others can, is left till it is due again.

    Args:
        keys: the posts.
        ask: the rows that one of them leads to; ``Missing`` where it is not there.

    Raises:
        Halfway: some were had before it broke off.
        SourceError: none was.
    """
    found: dict[str, Any] = {}
    asked: list[str] = []
    ill: dict[str, SourceError] = {}
    wait: RateLimited | None = None
    for key in keys:
        try:
            if key not in found:  # else it came along with another
                found |= ask(key)
        except Missing:
            pass
        except RateLimited as error:
            wait = error
            break
        except SourceError as error:
            ill[key] = error
            if len(ill) == _FAILURES:
                break
            continue
        asked.append(key)
    broken = wait or next(iter(ill.values()), None)
    if broken is None:
        return found
    if not asked:
        raise broken
    raise Halfway([*asked, *ill], {**dict.fromkeys(ill), **found}, broken) from broken
