"""How well a backend finds names: exact spans and kinds against labelled ones."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep
from typing import Final, NamedTuple, TypeAlias

import psutil

from benchmarks.labelled import Text
from pipeline.enrich.names import LANGUAGES, Builtin
from pipeline.enrich.names.corenlp import CoreNLP
from pipeline.enrich.parts import NameFinder
from pipeline.enrich.text import view
from pipeline.errors import StackError

__all__ = ["FITTED_ON", "KINDS", "Found", "Spans", "compare", "find", "sidecar"]

FITTED_ON: Final = {
    "builtin": frozenset(
        {"ner_de_germeval14_dev", "ner_en_wnut17_train", "ner_en_btc_train", "ner_en_btc_dev"}
    ),
}
"""Sets that a backend was fitted on; see ``benchmarks/train_names.py``."""
KINDS: Final = frozenset({"person", "organisation", "place"})
_BATCH: Final = 100
_PATIENCE: Final = 120

Found: TypeAlias = list[set[tuple[int, int, str]]]


class Spans(NamedTuple):
    """How many names were right, found and there."""

    right: int
    found: int
    there: int

    @property
    def precision(self) -> float:
        """Of what was found, what was right."""
        return self.right / max(self.found, 1)

    @property
    def recall(self) -> float:
        """Of what was there, what was found."""
        return self.right / max(self.there, 1)

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        return 2 * self.right / max(self.found + self.there, 1)


def find(finder: NameFinder, language: str, texts: Sequence[Text]) -> Found:
    """The persons, organisations and places that a backend finds, by their places in the texts.

    Raises:
        StackError: another backend answered in its stead.
    """
    views = [view(text) for text, _ in texts]
    found: Found = []
    makers: set[str] = set()
    for at in range(0, len(views), _BATCH):
        some = views[at : at + _BATCH]
        for seen, names in zip(some, finder.find([(v, language) for v in some]), strict=True):
            makers |= {name.by.name for name in names}
            places = [(seen.span(n.start, n.end), n.kind) for n in names if n.kind in KINDS]
            found.append({(span.start, span.end, kind) for span, kind in places})
    if len(makers) > 1:
        msg = f"names were found by {' and '.join(sorted(makers))}"
        raise StackError(msg)
    return found


def compare(texts: Sequence[Text], found: Found) -> Spans:
    """Compare what was found with what is labelled."""
    pairs = [(set(gold), got) for (_, gold), got in zip(texts, found, strict=True)]
    return Spans(
        sum(len(gold & got) for gold, got in pairs),
        sum(len(got) for _, got in pairs),
        sum(len(gold) for gold, _ in pairs),
    )


@contextmanager
def sidecar() -> Iterator[tuple[CoreNLP, float]]:
    """Stanford CoreNLP as ``mentions up --ner`` starts it, and the megabytes it takes.

    Raises:
        StackError: it does not become healthy.
    """
    from rich.console import Console  # noqa: PLC0415 - few ask for the sidecar

    from pipeline.stack import bars, java  # noqa: PLC0415 - same
    from pipeline.stack.corenlp import CoreNLP as Sidecar  # noqa: PLC0415 - same

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with TemporaryDirectory() as folder:
        server = Sidecar(Path(folder) / "corenlp", "127.0.0.1", port, "1g")
        server.fetch(bars(Console(quiet=True)))
        server.launch(java.find())
        try:
            for _ in range(_PATIENCE):
                if server.healthy():
                    break
                sleep(1)
            else:
                msg = "CoreNLP does not become healthy"
                raise StackError(msg)
            client = CoreNLP(f"http://{server.address}", LANGUAGES, Builtin())
            client.find([(view("Angela Merkel"), code) for code in LANGUAGES])
            yield client, _memory(server.process())
        finally:
            server.kill()


def _memory(process: psutil.Process | None) -> float:
    """Megabytes of a process and its children."""
    if process is None:
        return 0.0
    every = (process, *process.children(recursive=True))
    return sum(one.memory_info().rss for one in every) / 1e6
