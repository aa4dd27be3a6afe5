"""The contract of the pipeline: every message on every topic, and the table of topics.

Depends on msgspec alone, so that a consumer can install and use it by itself.
"""

from schemas.mention import EnrichedMention, RawMention, decode_enriched, decode_raw, encode

__all__ = ["EnrichedMention", "RawMention", "decode_enriched", "decode_raw", "encode"]
__version__ = "0.1.0"
