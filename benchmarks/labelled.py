"""Labelled texts, from a folder of JSON Lines."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

__all__ = ["Gold", "Row", "Text", "marked", "named", "rows"]

Row = dict[str, Any]
Gold = tuple[int, int, str]
"""A name: where it starts, where it ends, and what it is."""
Text = tuple[str, list[Gold]]

KINDS = {
    "PER": "person",
    "person": "person",
    "LOC": "place",
    "location": "place",
    "ORG": "organisation",
    "corporation": "organisation",
    "group": "organisation",
}
"""The labels that count as names."""


def rows(path: Path) -> list[Row]:
    """A file's lines."""
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]


def marked(text: str) -> str:
    """What a text is recognised by in another set: letters and digits, no links, no handles."""
    return re.sub(r"https?\S*|@\w+|[^\w@]+|@", "", text).lower()


def named(path: Path) -> list[Text]:
    """Texts in which names are labelled (``tokens``, ``label`` in BIO): tokens joined by blanks."""
    found = []
    for row in rows(path):
        tokens, labels = _handles(row["tokens"], row["label"])
        names: list[Gold] = []
        place = 0
        open_ = False
        for token, label in zip(tokens, labels, strict=True):
            end = place + len(token)
            kind = KINDS.get(label[2:])
            if kind and label[0] == "I" and open_ and names[-1][2] == kind:
                names[-1] = names[-1][0], end, kind
            elif kind:
                names.append((place, end, kind))
            open_ = kind is not None
            place = end + 1
        found.append((" ".join(tokens), names))
    return found


def _handles(tokens: Sequence[str], labels: Sequence[str]) -> tuple[list[str], list[str]]:
    """A handle is one word and no name: it is found as a handle."""
    kept: list[tuple[str, str]] = []
    for token, label in zip(tokens, labels, strict=True):
        if kept and kept[-1][0] == "@":
            kept[-1] = f"@{token}", "O"
        else:
            kept.append((token, "O" if token.startswith("@") else label))
    return [token for token, _ in kept], [label for _, label in kept]
