"""route: ``mentions.enriched`` → ``mentions.routed.<team>``, by the rules in ``mentions.toml``.

Stateless. A mention goes to every team one of whose rules it fits, byte for byte as enriched; a
tombstone goes to all teams, because nobody remembers which of them had the mention. What becomes a
team's work is ordered on ``mentions.work-orders`` beside it, as is the end of work on what is
deleted; the stage ``work`` knows what it has already.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from pipeline.delivery import Record
from pipeline.outcome import Ok, Outcome, Outgoing, Reject
from pipeline.settings import Route as Rule
from pipeline.settings import Settings
from pipeline.stages.incoming import read
from pipeline.work import life
from schemas import topics
from schemas.headers import reprocessed
from schemas.mention import EnrichedMention
from schemas.work import Order, key

__all__ = ["Route", "fits"]


class Route:
    """The stage between enriched mentions and the teams."""

    name = "route"
    source = topics.ENRICHED

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._rules = settings.routes
        self._orders = settings.kafka.topic(topics.WORK_ORDERS)
        self._topics = {
            rule.team: settings.kafka.topic(topics.routed(rule.team)) for rule in settings.routes
        }

    async def start(self) -> None:
        """Nothing to do."""

    async def handle(self, batch: Sequence[Record]) -> list[Outcome]:
        """Decide for each record which teams get it."""
        return [self._one(record) for record in batch]

    async def close(self) -> None:
        """Nothing to let go of."""

    def _one(self, record: Record) -> Outcome:
        headers = list(record.headers or ())
        if record.value is None:
            rules, orders = list(self._rules), self._deletions(record)
        else:
            mention = read(record)
            if isinstance(mention, Reject):
                return mention
            rules = [rule for rule in self._rules if fits(rule, mention)]
            orders = self._routings(rules, mention, again=reprocessed(headers))
        passed_on = [
            Outgoing(self._topics[rule.team], record.key, record.value, headers) for rule in rules
        ]
        return Ok((*passed_on, *(self._order(order) for order in orders)))

    def _routings(
        self, rules: Sequence[Rule], mention: EnrichedMention, *, again: bool
    ) -> Iterator[Order]:
        now = datetime.now(UTC)
        for rule in rules:
            if life.becomes_work(rule, mention, again=again):
                yield life.routing(self._settings, rule, mention, now)

    def _deletions(self, record: Record) -> Iterator[Order]:
        name = (record.key or b"").decode(errors="replace")
        for rule in self._rules[:1]:  # whoever is named, it is nobody's work then
            yield life.deletion(rule.team, name, datetime.now(UTC))

    def _order(self, order: Order) -> Outgoing:
        place = key(order.team, order.mention)
        return Outgoing(self._orders, place, msgspec.json.encode(order), [])


def fits(rule: Rule, mention: EnrichedMention) -> bool:
    """Whether all conditions of a rule hold.

    A rule that names topics judges the tone towards these topics; where there is none, and for a
    rule without topics, the tone of the whole text counts.
    """
    matched = {
        match.topic
        for match in mention.matches
        if match.relevance is None or match.relevance.score >= rule.relevance
    }
    if rule.topics:
        matched.intersection_update(rule.topics)
    if (rule.topics or mention.matches) and not matched:
        return False
    if not (_fits_place(rule, mention) and _fits_facts(rule, mention)):
        return False
    if not rule.sentiment:
        return True
    tones = {target.label for target in mention.targets if target.topic in matched}
    if not tones and mention.sentiment is not None:
        tones = {mention.sentiment.label}
    return bool(tones.intersection(rule.sentiment))


def _fits_place(rule: Rule, mention: EnrichedMention) -> bool:
    if rule.languages and mention.language.code not in rule.languages:
        return False
    if rule.channels and mention.channel not in rule.channels:
        return False
    return not rule.sites or any(f".{mention.site}".endswith(f".{site}") for site in rule.sites)


def _fits_facts(rule: Rule, mention: EnrichedMention) -> bool:
    if rule.audience and (
        mention.author is None or (mention.author.followers or 0) < rule.audience
    ):
        return False
    if rule.intents and not any(intent.kind in rule.intents for intent in mention.intents):
        return False
    if rule.spread and (mention.duplicate is None or mention.duplicate.authors < rule.spread):
        return False
    if rule.stars_up_to is not None:
        stars = mention.rating.stars if mention.rating is not None else None
        return stars is not None and stars <= rule.stars_up_to
    return True
