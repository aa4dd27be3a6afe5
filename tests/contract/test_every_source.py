"""Every source keeps every part of the contract, or it says here why it cannot.

Nothing is left out silently: a new source is held to all of it, and a reason that is no longer
true fails. What ``WebContract`` tries of all that ask over HTTP (waits, 5xx, answers that are cut,
broken, empty) files, mailboxes and listeners have in forms of their own: ``troubles`` in their
tests, and ``ListenerContract``.
"""

import importlib
from collections.abc import Mapping
from typing import Final

import pytest

from agents import testing
from agents.source import names
from agents.testing import ListenerContract, SourceContract, VolumeContract

_SHOWS_SOME: Final = "shows some of what there is: what it no longer shows is not gone"
_NO_304: Final = "its answers differ each time, or it knows no 304"
_NO_BUDGET: Final = "does not say what is left; when it is too much, it says so by 429 or an error"
_STAYS: Final = "its positions are moments, ids or numbers of pages, which do not expire"
_OPEN: Final = "is read without a token"
_SILENT: Final = "sends nothing by itself to who may read it"
_SLOW: Final = "as many as are read in a few seconds; each takes 200 µs, and the same of memory"

LACKS: Final[Mapping[str, Mapping[str, str]]] = {
    "SourceContract": {"push": "is told, not asked: ListenerContract"},
    "WebContract": {
        "files": "reads a disk; its troubles are those of files",
        "mail": "speaks IMAP; its troubles are those of that",
    },
    "PlatformContract": {
        "feeds": "one answer holds all that a feed shows",
        "reviews": "one answer holds all that a page shows, in any order",
        "sitemaps": "has no order: all of it is read every time",
        "files": "one file after the other, each from where it was read to",
        "mail": "the server numbers its mails",
    },
    "BackfillContract": {
        "feeds": "a feed holds its newest entries, and they are read",
        "files": "a file is read from its beginning",
        "mail": "servers know the day on which a mail came: a test of its own",
    },
    "EditContract": {
        "gdelt": "shows a title once",
        "mail": "a mail is never edited",
    },
    "ConditionalContract": {
        **dict.fromkeys(
            ["appstore", "bluesky", "businessprofile", "discourse", "facebook", "gdelt"], _NO_304
        ),
        **dict.fromkeys(["hackernews", "instagram", "mastodon", "playstore", "reddit"], _NO_304),
        **dict.fromkeys(["stackexchange", "telegram", "x", "youtube"], _NO_304),
        "files": "a file that did not grow is not read",
        "mail": "mails are asked for by number",
    },
    "DeletionContract": {
        **dict.fromkeys(["appstore", "feeds", "gdelt", "playstore"], _SHOWS_SOME),
        **dict.fromkeys(["reviews", "sitemaps"], _SHOWS_SOME),
        "files": "a row that is taken out was said all the same",
        "mail": "a mail that is removed was said all the same",
    },
    "BudgetContract": {
        **dict.fromkeys(
            ["appstore", "businessprofile", "discourse", "feeds", "gdelt", "hackernews"], _NO_BUDGET
        ),
        **dict.fromkeys(["playstore", "reviews", "sitemaps", "telegram", "youtube"], _NO_BUDGET),
        "files": "nobody to ask",
        "mail": "a server that has enough hangs up",
    },
    "PositionContract": {
        **dict.fromkeys(["appstore", "bluesky", "discourse", "feeds", "files", "gdelt"], _STAYS),
        **dict.fromkeys(["hackernews", "mastodon", "reviews", "sitemaps"], _STAYS),
        "reddit": "begins anew when the last thing was deleted: a test of its own",
        **dict.fromkeys(["stackexchange", "telegram"], _STAYS),
        "mail": "UIDVALIDITY says when numbers have changed: a test of its own",
    },
    "TokenContract": {
        **dict.fromkeys(["appstore", "feeds", "files", "gdelt", "hackernews"], _OPEN),
        **dict.fromkeys(["reviews", "sitemaps", "telegram"], _OPEN),
        "mail": "a password: a test of its own",
    },
    **{
        stream: {
            **dict.fromkeys(
                ["appstore", "businessprofile", "discourse", "facebook", "feeds"], _SILENT
            ),
            **dict.fromkeys(["files", "gdelt", "hackernews", "instagram", "mail"], _SILENT),
            **dict.fromkeys(["playstore", "reddit", "reviews", "sitemaps"], _SILENT),
            **dict.fromkeys(["stackexchange", "telegram", "youtube"], _SILENT),
            **({"x": "tells of no deletions"} if stream == "StreamDeletionContract" else {}),
        }
        for stream in ("StreamContract", "StreamEditContract", "StreamDeletionContract")
    },
    "VolumeContract": {},
    "KillContract": {},
    "ListenerContract": {},
}
"""Contract -> source -> why it cannot keep it."""

FEWER: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ["appstore", "bluesky", "businessprofile", "discourse", "facebook", "feeds", "gdelt"], _SLOW
    ),
    **dict.fromkeys(
        ["instagram", "playstore", "reviews", "sitemaps", "stackexchange", "youtube"], _SLOW
    ),
    "mail": "a request and an answer for each mail: as many as in a few seconds",
    "mastodon": "its library takes 2 ms for a post: as many as in a few seconds",
    "reddit": "a listing shows 1,000 things, and there are twenty",
    "telegram": "a page has twenty posts: as many as in a few seconds",
}
"""Source -> why its memory is measured with fewer than 100,000 mentions."""

CONTRACTS: Final = {name: part for name, part in vars(testing).items() if name.endswith("Contract")}


def kept(source: str) -> set[str]:
    """The contracts that some class of a source's tests inherits."""
    module = importlib.import_module(f"tests.contract.test_{source}")
    classes = [cls for name, cls in vars(module).items() if name.startswith("Test")]
    return {
        name for name, part in CONTRACTS.items() if any(issubclass(cls, part) for cls in classes)
    }


@pytest.mark.parametrize("source", names())
def test_every_source_keeps_every_part_or_says_why_not(source: str) -> None:
    parts = kept(source)
    # Who is told keeps one contract, who is asked all the others.
    due = (
        {"ListenerContract"}
        if ListenerContract.__name__ in parts
        else set(CONTRACTS) - {"ListenerContract"}
    )
    excused = {part for part, sources in LACKS.items() if source in sources} & due
    assert due - parts == excused
    assert not parts & {part for part, sources in LACKS.items() if source in sources}


@pytest.mark.parametrize("source", names())
def test_who_is_asked_in_its_own_way_says_what_may_go_wrong(source: str) -> None:
    module = importlib.import_module(f"tests.contract.test_{source}")
    for cls in vars(module).values():
        if isinstance(cls, type) and issubclass(cls, SourceContract):
            assert cls.troubles or cls.__name__ in CONTRACTS, cls


@pytest.mark.parametrize("source", names())
def test_who_is_measured_with_a_shorter_past_says_why(source: str) -> None:
    module = importlib.import_module(f"tests.contract.test_{source}")
    measured = [
        cls
        for name, cls in vars(module).items()
        if name.startswith("Test") and issubclass(cls, VolumeContract)
    ]
    fewer = any(cls.number < VolumeContract.number for cls in measured)
    assert fewer == (source in FEWER)


def test_nobody_is_excused_who_does_not_exist() -> None:
    assert set(LACKS) == set(CONTRACTS)
    assert {source for sources in [*LACKS.values(), FEWER] for source in sources} <= set(names())
