"""lz4 as Java's client compresses.

Kafka numbers lz4's default level 9, and its own client takes the fast compressor for it
(``Lz4BlockOutputStream``). aiokafka takes the number for a level of the slow one, and has no other:
six times the time, for messages a fifth smaller (``python -m benchmarks.compression``). Agents
publish with kafka-python, which is fast by itself.
"""

import sys
from functools import partial
from types import ModuleType
from typing import Final

from aiokafka.codec import lz4_encode
from aiokafka.record.default_records import DefaultRecordBatchBuilder

__all__ = ["compress_fast"]

_FAST: Final = 0
_BUILDER: Final[ModuleType] = sys.modules[DefaultRecordBatchBuilder.__module__]
"""Where it looks for the function: compiled, or where that could not be done, not."""


def compress_fast() -> None:
    """Let all producers of this process that compress with lz4 do so fast."""
    _BUILDER.lz4_encode = partial(lz4_encode, level=_FAST)  # type: ignore[attr-defined]
