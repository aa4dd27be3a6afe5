"""record: what is no mention, each into its index in Elasticsearch, for all to see.

``mentions.coverage`` → ``<alias>-coverage``, ``mentions.figures`` → ``<alias>-figures``,
``mentions.alerts`` → ``<alias>-alerts``, ``mentions.work`` → ``<alias>-work``. Writes are
idempotent: ``_id`` names the source, the interval and the agent; the stage, the process and the
stretch; the alert; or the team and the mention. Of alerts and of work the last message counts: the
version is the log's own time, and the place on a topic that has one partition.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

from pipeline.delivery import Record as Message
from pipeline.outcome import Outcome, Reject
from pipeline.search import alerts, bulk, classify, coverage, figures, work
from pipeline.search.client import connect
from pipeline.search.templates import require
from pipeline.settings import Settings
from schemas import topics
from schemas.alert import decode_alert
from schemas.coverage import decode_coverage
from schemas.figures import decode_figures
from schemas.work import decode_work

__all__ = ["Record"]

_encode: Final = msgspec.json.Encoder().encode
_NO_DELETION: Final = Reject("Empty", "this topic knows no deletion")

_Entry: TypeAlias = tuple[str, int, dict[str, Any] | None]
"""``_id``, version, and the document; None where it is deleted."""


def _coverage(message: Message) -> _Entry | Reject:
    if message.value is None:
        return _NO_DELETION
    said = decode_coverage(message.value)
    return said.id, int(said.end.timestamp() * 1000), coverage.document(said)


def _figures(message: Message) -> _Entry | Reject:
    if message.value is None:
        return _NO_DELETION
    said = decode_figures(message.value)
    return said.id, int(said.end.timestamp() * 1000), figures.document(said)


def _alert(message: Message) -> _Entry | Reject:
    if message.value is None:
        return _NO_DELETION
    alert = decode_alert(message.value)
    return alerts.name_of(alert), message.timestamp, alerts.document(alert)


def _work(message: Message) -> _Entry | Reject:
    if message.key is None:
        return Reject("KeyMissing", "without a key it is nobody's work")
    body = None if message.value is None else work.document(decode_work(message.value))
    return work.document_id(message.key), message.offset, body


_Kind: TypeAlias = tuple[Callable[[str], str], Callable[[Message], _Entry | Reject]]
_KINDS: Final[Mapping[topics.Topic, _Kind]] = {
    topics.COVERAGE: (coverage.index_name, _coverage),
    topics.FIGURES: (figures.index_name, _figures),
    topics.ALERTS: (alerts.index_name, _alert),
    topics.WORK: (work.index_name, _work),
}


class Record:
    """The stage between what is not a mention and the search engine."""

    name = "record"
    source = topics.COVERAGE
    beside = tuple(topic for topic in _KINDS if topic is not topics.COVERAGE)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.elasticsearch
        self._kinds = {
            settings.kafka.topic(topic): (index(settings.elasticsearch.alias), entry)
            for topic, (index, entry) in _KINDS.items()
        }
        self._ready = False

    async def start(self) -> None:
        """Connect; the client waits for nothing, the first write finds out."""
        self._client = connect(self._settings)

    async def handle(self, batch: Sequence[Message]) -> list[Outcome]:
        """Write what can be decoded in one go; reject the rest.

        Raises:
            Retryable: a template is missing, without which a mapping would be guessed.
        """
        if not self._ready:
            for index, _ in self._kinds.values():
                await require(self._client, index)
            self._ready = True
        results: list[list[Outcome]] = [[] for _ in batch]
        operations = []
        for item, message in enumerate(batch):
            made = self._operation(item, message)
            if isinstance(made, Reject):
                results[item].append(made)
            else:
                operations.append(made)
        await bulk.send(self._client, operations, results)
        return [classify.worst(outcomes) for outcomes in results]

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _operation(self, item: int, message: Message) -> bulk.Operation | Reject:
        index, entry = self._kinds[message.topic]
        try:
            found = entry(message)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return Reject(type(error).__name__, str(error))
        if isinstance(found, Reject):
            return found
        name, version, body = found
        if body is None:
            return bulk.delete(item, index, name, version)
        return bulk.index(item, index, name, version, _encode(body))
