"""All enrichers in their order: a mention in, the same mention with everything found out about it.

What comes out depends on the mention, the settings and what analysts said of it; all that is kept
between mentions are the languages that sources and authors have used, which decide about very short
texts (``habits``). A mention that raises leaves the chain as it was. Enriching again replaces what
an earlier run found.
Work is linear in the text's length: tags, links and watchlist terms are found in all of it; of a
very long text, language and tone are judged by the passages that ``passages`` chooses, and
``EnrichedMention.read`` says so.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from pipeline.enrich import amend, gazetteer, intents, language, names
from pipeline.enrich.entities import Entities
from pipeline.enrich.gazetteer import Gazetteer
from pipeline.enrich.habits import Habits
from pipeline.enrich.intents import Intents
from pipeline.enrich.noise import Origins, noise
from pipeline.enrich.parts import (
    LanguageDetector,
    Named,
    NameFinder,
    SentimentScorer,
    Text,
    Tone,
)
from pipeline.enrich.passages import ALL, passages
from pipeline.enrich.relevance import Relevances
from pipeline.enrich.sentiment.model import Model
from pipeline.enrich.sentiment.scorers import Scorers
from pipeline.enrich.targets import Targets
from pipeline.enrich.text import View, views
from pipeline.enrich.watchlist import Found, Watchlist
from pipeline.settings import Settings
from schemas.mention import EnrichedMention, TargetSentiment

__all__ = ["Chain"]

_BRIEF: Final = 60
"""Texts up to here have their language judged together with their title."""
_MOST_MATCHES: Final = 200
_MOST_TARGETS: Final = 100


class _Seen(NamedTuple):
    """A mention's texts as they are read."""

    text: View
    title: View | None
    read: View
    """The text, of a very long one the passages that are judged."""


class Chain:
    """The configured enrichers."""

    def __init__(
        self,
        detector: LanguageDetector,
        scorers: Scorers,
        watchlist: Watchlist,
        *,
        listed: Gazetteer,
        finder: NameFinder | None,
        origins: Origins,
    ) -> None:
        self._detector = detector
        self._scorers = scorers
        self._habits = Habits()
        self._listed = listed
        self._names = finder
        self._origins = origins
        self._intents = {language: Intents(language) for language in intents.LANGUAGES}
        self._relevances = Relevances()
        self._amendments: Mapping[str, amend.Said] = {}
        self.watch(watchlist)

    def watch(self, watchlist: Watchlist) -> None:
        """Match with another watchlist from now on."""
        self.watchlist = watchlist
        self._entities = Entities(watchlist, self._listed)
        self._targets = Targets([topic.topic for topic in watchlist.topics])

    @classmethod
    def build(cls, settings: Settings) -> "Chain":
        """Compile the settings' watchlist; a language's models are loaded when it comes."""
        wanted = settings.enrichment
        return cls(
            language.build(wanted.language_backend, wanted.languages),
            Scorers(
                {
                    code: backend
                    for code, backend in wanted.sentiment_backends.items()
                    if code in wanted.languages
                }
            ),
            Watchlist(settings.watchlist, settings.queries, lang=settings.language),
            listed=Gazetteer(gazetteer.load(wanted.entities) if wanted.entities else ()),
            finder=names.build(wanted),
            origins=Origins(settings.own),
        )

    def use(self, model: Model) -> bool:
        """Judge its language with another trained model from now on.

        Returns:
            False where the settings have that language judged by something else.
        """
        return self._scorers.use(model)

    def learn(self, relevances: Relevances) -> None:
        """Judge relevance by other marks from now on."""
        self._relevances = relevances

    def amend(self, amendments: Mapping[str, amend.Said]) -> None:
        """Put these in place of what is found from now on, by the mention's id.

        It is looked at anew for each mention: what is added to it later counts.
        """
        self._amendments = amendments

    def enrich(self, batch: Sequence[EnrichedMention], now: datetime | None = None) -> list[View]:
        """Fill in every mention of a batch; returns their texts as read.

        Args:
            batch: bare or enriched mentions; changed in place.
            now: the time to put into ``processed_at``; by default the clock's.

        Raises:
            Exception: a mention cannot be enriched. The others may or may not be: hand each in
                alone to learn which.
        """
        now = now or datetime.now(UTC)
        read = views([mention.text for mention in batch])
        titles = iter(views([mention.title for mention in batch if mention.title]))
        seen = [
            self._look(mention, text, next(titles) if mention.title else None)
            for mention, text in zip(batch, read, strict=True)
        ]
        tones = self._tones(batch, seen)
        fields = [
            self._judge(mention, texts, tone)
            for mention, texts, tone in zip(batch, seen, tones, strict=True)
        ]
        named = self._named(batch, seen)
        for mention, texts, field, names_ in zip(batch, seen, fields, named, strict=True):
            places = [(texts.read.span(name.start, name.end), name) for name in names_]
            mention.entities = self._entities.find(field, places)
            if said := self._amendments.get(mention.id):
                amend.entities(mention, said)
            mention.processed_at = now
        return [texts.text for texts in seen]

    def _look(self, mention: EnrichedMention, text: View, title: View | None) -> _Seen:
        """What is read of a mention's text; says in which language it is."""
        parts: Sequence[tuple[int, int]] = ()
        if len(text.text) > ALL:
            # Queries may ask for the language, which is judged by these parts: they are chosen by
            # what matches in any language.
            parts = passages(text, [(hit.start, hit.end) for hit in self.watchlist.find(text).hits])
        mention.read = tuple([text.span(*part) for part in parts])
        read = text.cut(parts) if parts else text
        prose = read.prose
        if title is not None and len(prose) <= _BRIEF:
            prose = f"{title.prose}\n{prose}"
        if len(prose) <= language.SHORT:
            mention.language = self._detector.detect(prose, self._habits.prior(mention))
        else:
            mention.language = self._detector.detect(prose)
            self._habits.learn(mention, mention.language)
        return _Seen(text, title, read)

    def _tones(
        self, batch: Sequence[EnrichedMention], seen: Sequence[_Seen]
    ) -> Sequence[Tone | None]:
        """The tone of each mention, None where nothing can judge it: asked once a scorer."""
        tones: list[Tone | None] = [None] * len(batch)
        asked: dict[SentimentScorer, list[int]] = {}
        for place, (mention, (_, title, read)) in enumerate(zip(batch, seen, strict=True)):
            scorer = self._scorers.of(mention.language.code, read, title)
            if scorer is not None:
                asked.setdefault(scorer, []).append(place)
        for scorer, places in asked.items():
            texts = [Text(seen[at].read, seen[at].title, batch[at].rating) for at in places]
            for place, tone in zip(places, scorer.judge(texts), strict=True):
                tones[place] = tone
        return tones

    def _named(
        self, batch: Sequence[EnrichedMention], seen: Sequence[_Seen]
    ) -> Sequence[Sequence[Named]]:
        """What a model finds that is named in each text: asked once a batch."""
        if self._names is None:
            return [()] * len(batch)
        return self._names.find(
            [
                (texts.read, mention.language.code)
                for mention, texts in zip(batch, seen, strict=True)
            ]
        )

    def _judge(self, mention: EnrichedMention, texts: _Seen, tone: Tone | None) -> Found:
        """Fill in all but language and entities; returns the text, and what it speaks of."""
        text, title, read = texts
        mention.sentiment = None if tone is None else tone.sentiment
        mention.noise = noise(mention, text)
        mention.origin = self._origins.of(mention)
        rules = self._intents.get(mention.language.code)
        mention.intents = () if rules is None else rules.find(read, title)
        fields = self.watchlist.search(mention, text, title)
        mention.matches = tuple(
            [match for field in fields for match in field.matches][:_MOST_MATCHES]
        )
        mention.amendments = ()
        if said := self._amendments.get(mention.id):
            amend.topics(mention, said)
        mention.matches = self._relevances.judge(mention, text, title)
        mention.targets = ()
        if mention.matches and tone is not None:
            targets: dict[str, TargetSentiment] = {}
            for field in fields:
                for target in self._targets.judge(field, tone):
                    targets.setdefault(target.topic, target)  # the text's word before the title's
            mention.targets = tuple(targets.values())[:_MOST_TARGETS]
        if said:
            amend.tones(mention, said)
        return fields[0]
