# /// script
# requires-python = ">=3.11"
# dependencies = ["german-nouns==1.2.5", "wordfreq==3.1.1", "setuptools<81"]
# ///
"""Build the list of nouns that German compounds are taken apart with.

Run it with ``uv run benchmarks/build_nouns.py``.
Nouns and their forms are those of WiktionaryDE as collected by german-nouns, without names and
abbreviations; how common each is comes from wordfreq, and what is rarer than ``LEAST`` is left out.
The same versions give the same file. See ``pipeline/search/data/NOTICE``.
"""

import csv
import gzip
from collections import defaultdict
from importlib.metadata import distribution
from pathlib import Path

from wordfreq import zipf_frequency

TARGET = Path(__file__).parent.parent / "pipeline" / "search" / "data" / "nouns.de.txt.gz"
LEAST = 2.5
"""Zipf value: 300 occurrences in a billion words."""
NO_NOUNS = {
    "Abkürzung",
    "Buchstabe",
    "Eigenname",
    "Nachname",
    "Straßenname",
    "Symbol",
    "Toponym",
    "Vorname",
    "Wortverbindung",
}
CASES = ("nominativ", "genitiv", "dativ", "akkusativ")
MISSING = {
    "Sheriff": {"Sheriffs"},
    "Sonne": {"Sonnen"},
    "Strafverfahren": {"Strafverfahrens"},
    "Wagen": {"Wagens", "Wägen"},
}
"""Common nouns that german-nouns 1.2.5 does not have."""


def main() -> None:
    """Write the list: a line for each noun, how common it is, the noun, its other forms."""
    lines = []
    for lemma, forms in sorted(nouns().items()):
        zipf = max(zipf_frequency(form, "de") for form in {lemma, *forms})
        if zipf >= LEAST:
            lines.append(" ".join((f"{zipf:.1f}", lemma, *sorted(forms - {lemma}))))
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(gzip.compress("\n".join(lines).encode(), 9, mtime=0))
    print(f"{len(lines)} nouns, {TARGET.stat().st_size} bytes")


def nouns() -> dict[str, set[str]]:
    """Each noun, and its forms."""
    found: dict[str, set[str]] = defaultdict(set, MISSING)
    table = distribution("german-nouns").locate_file("german_nouns/nouns.csv")
    with Path(str(table)).open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            kinds = set(row["pos"].split(","))
            if "Substantiv" in kinds and not kinds & NO_NOUNS and written(row["lemma"]):
                cells = (row[name] for name in row if name.startswith(CASES))
                found[row["lemma"]] |= {cell for cell in cells if cell and written(cell)}
    return found


def written(word: str) -> bool:
    """Whether it looks like a noun: no abbreviation, no prefix, no phrase; *Öl*, but not *Er*."""
    return len(word) > (1 if word[0] in "ÄÖÜ" else 2) and word.isalpha() and word.istitle()


if __name__ == "__main__":
    main()
