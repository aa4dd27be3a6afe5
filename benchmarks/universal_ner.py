"""Bring Universal NER's texts into the folder of labelled texts.

``python -m benchmarks.universal_ner FILE.iob2 FOLDER/ner_<language>_<set>_<part>.jsonl``, with
``de_pud-ud-test.iob2`` of the public repository ``UniversalNER/UNER_German-PUD`` or
``en_ewt-ud-dev.iob2`` of ``UniversalNER/UNER_English-EWT`` (Mayhew et al. 2024, CC BY-SA 4.0).
Only to measure on: no shipped weight has seen them.
"""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from benchmarks.labelled import Row


def sentences(lines: Iterable[str]) -> Iterator[Row]:
    """The tokens and labels (BIO) of each sentence of a file."""
    tokens: list[str] = []
    labels: list[str] = []
    for line in (*lines, ""):
        if line and not line.startswith("#"):
            _, token, label, *_ = line.split("\t")
            tokens.append(token)
            labels.append(label)
        elif tokens and not line:
            yield {"text": " ".join(tokens), "tokens": tokens, "label": labels}
            tokens, labels = [], []


def main() -> None:
    """Write the lines."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("iob2", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    found = sentences(arguments.iob2.read_text(encoding="utf-8").splitlines())
    arguments.out.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in found))


if __name__ == "__main__":
    main()
