"""The named-entity sidecar: Stanford CoreNLP for German and English, behind ``tagger``."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import ClassVar, Final

from rich.progress import Progress

from pipeline.stack import artifacts
from pipeline.stack.java import Java
from pipeline.stack.server import DETACH, ENVIRONMENT, Server, megabytes

__all__ = ["CoreNLP"]

_COORDINATE: Final = "edu.stanford.nlp:stanford-corenlp"
_CLASSIFIERS: Final = ("", "models", "models-german")
_PROCESSES: Final = 2


class CoreNLP(Server):
    """One process that listens, and one for each language behind it."""

    name: ClassVar[str] = "CoreNLP"
    version: ClassVar[str] = "4.5.7"

    _program: Path

    @property
    def memory(self) -> int:
        """Megabytes it needs."""
        return _PROCESSES * megabytes(self.heap)

    def fetch(self, progress: Progress) -> None:
        """Download the jars where they are not in the cache: 680 MB."""
        self._program = artifacts.classified(
            self.name, self.version, _COORDINATE, _CLASSIFIERS, progress
        )

    def launch(self, java: Java) -> None:
        """Start it; the models take some ten seconds to load."""
        self.prepare()
        command = [
            *(sys.executable, "-m", "pipeline.stack.tagger", self.mark),
            *(str(java.home / "bin" / "java"), str(self._program), self.heap),
            *(self.host.strip("[]"), str(self.port)),
        ]
        root = str(Path(__file__).parent.parent.parent)
        with self.log.open("wb") as log:
            subprocess.run(  # noqa: S603 - our own command
                ["/bin/sh", "-c", DETACH, "sh", *command],
                cwd=self.folder,
                env={**ENVIRONMENT, "PYTHONPATH": root},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                check=True,
            )

    def healthy(self) -> bool:
        """Whether all models are loaded."""
        try:
            with urllib.request.urlopen(f"http://{self.address}/health", timeout=2) as answer:
                return bool(json.load(answer) == {})
        except OSError:
            return False
