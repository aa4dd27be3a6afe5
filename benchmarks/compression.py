"""What compressing enriched mentions costs, and saves: ``python -m benchmarks.compression``.

Batches of 42 generated mentions (500 over twelve partitions), each codec in turn, the best of five:
microseconds of processor time a mention, and how many times smaller it gets.
"""

import time
from collections.abc import Callable
from functools import partial

import msgspec
from aiokafka import codec

from benchmarks.corpus import mentions
from benchmarks.speed import WATCHLIST, made
from pipeline.enrich.chain import Chain
from pipeline.settings import Settings

MANY = 4_200
BATCH = 42
CODECS: dict[str, Callable[[bytes], bytes]] = {
    "lz4, as aiokafka has it": codec.lz4_encode,
    "lz4, as Java's client and ours": partial(codec.lz4_encode, level=0),
    "snappy": codec.snappy_encode,
    "zstd": codec.zstd_encode,
    "gzip": codec.gzip_encode,
}


def main() -> None:
    """Print the figures."""
    found = made([mention.text for mention in mentions(MANY)])
    Chain.build(Settings(watchlist=WATCHLIST)).enrich(found)
    values = [msgspec.json.encode(mention) for mention in found]
    batches = [b"".join(values[start : start + BATCH]) for start in range(0, MANY, BATCH)]
    best = dict.fromkeys(CODECS, float("inf"))
    for _ in range(5):
        for name, encode in CODECS.items():
            start = time.process_time()
            for batch in batches:
                encode(batch)
            best[name] = min(best[name], time.process_time() - start)
    size = sum(map(len, batches))
    for name, encode in CODECS.items():
        smaller = size / sum(len(encode(batch)) for batch in batches)
        print(f"{name:32} {best[name] / MANY * 1e6:6.1f} µs {smaller:6.2f} times smaller")


if __name__ == "__main__":
    main()
