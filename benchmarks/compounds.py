"""How well German compounds are taken apart: ``python -m benchmarks.compounds [FILE]``.

Quality on the words of ``tests/data/compounds.tsv`` (both parts): of the parts that are asked for,
how many are found; of the words that are taken apart, how many give nothing but right ones. Beside
ours stands Elasticsearch's ``dictionary_decompounder`` with the same nouns, that is, Lucene's
filter from the server that ``mentions up`` fetches (a full JDK is needed). FILE, JSON Lines with
``text``, gives the time a text takes, with words seen before and without.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipeline.search.compounds import nouns, parts, parts_of
from pipeline.stack.artifacts import cache_folder
from pipeline.stack.elasticsearch import Elasticsearch
from pipeline.stack.java import find

JUDGED = Path(__file__).parent.parent / "tests" / "data" / "compounds.tsv"


def main() -> None:
    """Print the tables."""
    judged = {}
    for line in JUDGED.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            part, word, *made_of = line.split("\t")
            judged[part, word] = made_of[0].split() if made_of else []
    words = [word for _, word in judged]
    ways = {
        "ours": {word: set(parts_of(word)) for word in words},
        "dictionary_decompounder": lucene(words, longest=False),
        "the same, only_longest_match": lucene(words, longest=True),
    }
    table = Table("by", "words", "parts found", "words taken apart", "of which right")
    for name, made in ways.items():
        for part in ("dev", "test"):
            table.add_row(name, part, *quality(part, judged, made))
    Console().print(table)
    if len(sys.argv) > 1:
        lines = Path(sys.argv[1]).read_text("utf-8").split("\n")
        texts = [json.loads(line)["text"] for line in lines if line]
        for seen in ("new", "seen before"):
            started = time.perf_counter()
            for text in texts:
                parts(text)
            each = (time.perf_counter() - started) / len(texts)
            print(f"{each * 1e6:.0f} µs a text of {mean(texts):.0f} characters, words {seen}")


def quality(
    part: str, judged: Mapping[tuple[str, str], list[str]], made: Mapping[str, set[str]]
) -> tuple[str, str, str]:
    """Parts found, words taken apart, and those of them that are right."""
    asked = found = split = right = 0
    for (which, word), made_of in judged.items():
        if which == part:
            must = {each for each in made_of if not each.startswith("(")}
            asked += len(must)
            found += len(must & made[word])
            split += bool(made[word])
            right += bool(made[word]) and made[word] <= {each.strip("()") for each in made_of}
    return f"{found / asked:.0%} of {asked}", str(split), f"{right / split:.0%}"


def lucene(words: list[str], *, longest: bool) -> dict[str, set[str]]:
    """By Lucene's filter; forms count as their dictionary forms, the word itself not at all."""
    jars = cache_folder() / f"{Elasticsearch.name.lower()}-{Elasticsearch.version}" / "lib"
    lemmas = {noun: lemma.lower() for noun, lemma in nouns().items()}
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(lemmas))
        file.flush()
        done = subprocess.run(
            [
                str(find().home / "bin" / "java"),
                *("-cp", f"{jars}/*", str(Path(__file__).with_name("Decompounder.java"))),
                *(file.name, str(longest).lower()),
            ],
            input="\n".join(map(str.lower, words)),
            capture_output=True,
            text=True,
            check=True,
        )
    return {
        word: {lemmas[token] for token in line.split() if token != word.lower()}
        for word, line in zip(words, done.stdout.split("\n"), strict=False)
    }


def mean(texts: list[str]) -> float:
    """Characters of a text."""
    return sum(map(len, texts)) / len(texts)


if __name__ == "__main__":
    main()
