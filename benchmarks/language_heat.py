"""Fit what language scores are multiplied with: ``python -m benchmarks.language_heat FOLDER``.

FOLDER holds ``sent_<language>_umsab_train.jsonl`` (``text``). Pieces of one word to the whole tweet
are cut out of each text, seeded; for each range of lengths the factor is printed under which the
probabilities of ``pipeline.enrich.language.Eldc`` fit best (least log loss).
``language._HEATS`` has these figures, rounded down: what people tweet is commoner than what else
they write, and commoner is easier.
"""

import argparse
import math
import random
import re
from pathlib import Path

import eldc
import msgspec

from pipeline.enrich.language import readable
from pipeline.enrich.text import view
from pipeline.settings import Enrichment

LEAST = 4
"""Letters of a piece of one word: shorter ones are the commonest words, easier than most."""
RANGES = ((1, 6), (7, 10), (11, 20), (21, 40), (41, 80), (81, 140))
PLACEHOLDER = re.compile(r"\bhttp\b|@user")
LANGUAGES = Enrichment().languages


def pieces(folder: Path) -> list[tuple[str, str]]:
    """Pieces of the tweets and their languages."""
    chance = random.Random(0)
    found = []
    for path in sorted(folder.glob("sent_*_umsab_train.jsonl")):
        code = path.name.split("_")[1]
        for line in path.read_bytes().splitlines():
            words = PLACEHOLDER.sub("", view(msgspec.json.decode(line)["text"]).prose).split()
            for size in (1, 2, 4, len(words)):
                start = chance.randrange(max(1, len(words) - size + 1))
                piece = " ".join(words[start : start + size])
                if size > 1 or (piece.isalpha() and len(piece) >= LEAST):
                    found.append((piece, code))
    return found


def loss(heat: float, scored: list[tuple[dict[str, float], str]]) -> float:
    """The mean log loss under a factor."""
    total = 0.0
    for scores, code in scored:
        weights = {c: math.exp(heat * s) for c, s in scores.items()}
        total -= math.log(max(weights.get(code, 0.0) / sum(weights.values()), 1e-4))
    return total / len(scored)


def main() -> None:
    """Print the best factor of each range."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    eldc.init()
    detector = eldc.instance()
    detector.set_scores(eldc.MAX_SCORES)
    scored: list[tuple[int, dict[str, float], str]] = []
    for piece, code in pieces(parser.parse_args().folder):
        read = readable(piece)
        scores = detector.detect_details(read).scores
        known = {c: s for c, s in scores.items() if c in LANGUAGES}
        if known:
            scored.append((len(read), known, code))
    for low, high in RANGES:
        chosen = [(scores, code) for size, scores, code in scored if low <= size <= high]
        heat = min(range(2, 60, 2), key=lambda heat: loss(heat, chosen))
        print(f"{low:4}-{high:<4} characters  n {len(chosen):6}  heat {heat}")


if __name__ == "__main__":
    main()
