"""Who is not to be processed again: the topic ``mentions.forgotten``, followed by a worker.

The whole topic is read before the first mention is processed, and followed from then on; a key
that is added later takes effect within a second. Where the broker is away, the worker waits.
"""

from collections.abc import Sequence

from pipeline.follow import Follower, Message
from pipeline.settings import Settings
from schemas import forgotten, topics
from schemas.mention import RawMention

__all__ = ["Forgotten"]


class Forgotten:
    """The keys, as they are now."""

    def __init__(self, settings: Settings) -> None:
        self._salt = settings.privacy.key()
        self._keys: set[str] = set()
        self._follower = Follower(
            settings.kafka.aiokafka(), settings.kafka.topic(topics.FORGOTTEN), self.learn
        )

    async def start(self) -> None:
        """Read all there is, waiting for Kafka as long as it takes, and go on in the background."""
        await self._follower.start()

    async def close(self) -> None:
        """Stop reading."""
        await self._follower.close()

    async def learn(self, messages: Sequence[Message]) -> None:
        """Take in some messages of the topic."""
        for name, value in messages:
            key = (name or b"").decode(errors="replace")
            if value is None:
                self._keys.discard(key)
            else:
                self._keys.add(key)

    def hides(self, mention: RawMention) -> bool:
        """Whether the mention, or its author, is forgotten."""
        return bool(self._keys) and not self._keys.isdisjoint(forgotten.keys(mention, self._salt))
