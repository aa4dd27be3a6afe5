"""The embedded servers for tests: each lives for minutes, so compiling it well does not pay.

Without the optimising compiler a pair takes half the processor time to start.
"""

from pathlib import Path
from typing import Final

from pipeline.settings import Settings
from pipeline.stack import Stack
from pipeline.stack.elasticsearch import Elasticsearch
from pipeline.stack.java import Java
from pipeline.stack.kafka import Kafka

__all__ = ["QUICK", "QuickElasticsearch", "QuickKafka", "QuickStack"]

QUICK: Final = "-XX:TieredStopAtLevel=1"
"""Tells Java so."""


class QuickElasticsearch(Elasticsearch):
    def _configure(self) -> None:
        super()._configure()
        options: Path = self.folder / "config" / "jvm.options.d" / "quick.options"
        options.write_text(f"{QUICK}\n", "utf-8")


class QuickKafka(Kafka):
    def _command(self, java: Java, main: str) -> list[str]:
        program, *rest = super()._command(java, main)
        return [program, QUICK, *rest]


class QuickStack(Stack):
    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        search, broker = self.servers
        self.servers = (
            QuickElasticsearch(search.folder, search.host, search.port, search.heap),
            QuickKafka(broker.folder, broker.host, broker.port, broker.heap),
        )
