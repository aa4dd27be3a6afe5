"""What it costs to write findings over the bytes that came, instead of encoding the mention anew.

    python -m benchmarks.passing

Prints, for a short and a long mention, the microseconds (best of five) of encoding it, of
``encode_over``, and of enriching it.
"""

from datetime import UTC, datetime
from timeit import repeat

from pipeline.enrich.chain import Chain
from pipeline.settings import Settings, WatchTopic
from schemas.mention import (
    Collector,
    EnrichedMention,
    RawMention,
    decode_enriched,
    encode,
    encode_over,
)

TEXT = "Die Lüftung ist sehr laut und nervt, aber der Techniker war nett. "
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def main() -> None:
    """Measure and print."""
    watched = WatchTopic(topic="Lüftung", kind="theme", terms=("Lüftung",))
    chain = Chain.build(Settings(watchlist=(watched,)))

    def enriched(value: bytes) -> EnrichedMention:
        mention = decode_enriched(value)
        chain.enrich([mention])
        return mention

    print("bytes  encode  encode_over  decode and enrich")
    for times in (1, 20):
        raw = RawMention(
            id="bench:1",
            revision=1,
            channel="forum",
            text=TEXT * times,
            published_at=NOW,
            collected_at=NOW,
            collector=Collector(source="bench"),
        )
        value = encode(raw)
        mention = enriched(value)
        took = [
            min(repeat(work, number=count, repeat=5)) / count * 1e6
            for work, count in (
                (lambda: encode(mention), 2_000),  # noqa: B023 - called at once
                (lambda: encode_over(value, mention), 2_000),  # noqa: B023
                (lambda: enriched(value), 100),  # noqa: B023
            )
        ]
        print(f"{len(value):5} {took[0]:7.1f} {took[1]:12.1f} {took[2]:18.1f}")


main()
