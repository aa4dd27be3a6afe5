"""A loopback web server in front of Stanford CoreNLP's tagger, which is reached by pipes alone.

Stanford's own server listens on every interface, and its code is under the GPL; here its tagger
stays a program of its own, started from its command line, one process a language. Started by
``mentions up --ner``; its children end when their pipes close, also when this process is killed.

``GET /health`` answers 200 once all models are loaded. ``POST /de`` and ``POST /en`` take a JSON
list of texts and answer, for each, a list of ``[start, end, kind]`` (code points, end exclusive).
"""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

__all__ = ["Tagger", "main", "spans"]

MODELS: Final = {
    "de": "edu/stanford/nlp/models/ner/german.distsim.crf.ser.gz",
    "en": "edu/stanford/nlp/models/ner/english.all.3class.distsim.crf.ser.gz",
}
KINDS: Final = {
    "PERSON": "person",
    "ORGANIZATION": "organisation",
    "LOCATION": "place",
    "MISC": "other",
}
_MAIN: Final = "edu.stanford.nlp.ie.crf.CRFClassifier"
_END: Final = "\u241e"
"""A line of its own, by which the end of an answer is known."""
_TAG: Final = re.compile(rf"<(/?)({'|'.join(KINDS)})>")
_BLANKED: Final = re.compile(rf"[\x00-\x1f\x85\u2028\u2029\ud800-\udfff<{_END}]")
_MOST_BYTES: Final = 8 << 20

Found = tuple[int, int, str]


def spans(text: str, tagged: str) -> list[Found]:
    """Where the names of a tagged text stand in the text; blanks may differ."""
    found: list[Found] = []
    place = done = 0
    kind: str | None = None
    for tag in (*_TAG.finditer(tagged), None):
        piece = tagged[done : tag.start() if tag else None].strip()
        start = text.find(piece, place) if piece else -1
        if start >= 0:
            place = start + len(piece)
            if kind is not None:
                found.append((start, place, kind))
        if tag:
            kind = KINDS[tag[2]] if not tag[1] else None
            done = tag.end()
    return found


class Tagger:
    """One tagger process.

    Args:
        command: what starts it; it answers each line with the line, names in tags.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._guard = threading.Lock()
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self._process.stdin is not None  # noqa: S101 - as asked for above
        assert self._process.stdout is not None  # noqa: S101 - same
        self._input = self._process.stdin
        self._output = self._process.stdout

    def tag(self, texts: Sequence[str]) -> list[list[Found]]:
        """Tag texts, one after the other.

        Raises:
            OSError: the process ended.
        """
        with self._guard:
            return [self._one(text) for text in texts]

    def _one(self, text: str) -> list[Found]:
        text = _BLANKED.sub(" ", text)
        if not text.strip():
            return []
        self._input.write(f"{text}\n{_END}\n".encode())
        self._input.flush()
        answer = b""
        while not answer.endswith(_END.encode()):
            part = os.read(self._output.fileno(), 1 << 16)
            if not part:
                msg = "the tagger ended"
                raise OSError(msg)
            answer += part
        return spans(text, answer.decode(errors="replace").removesuffix(_END))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    taggers: dict[str, Tagger]
    ready: threading.Event

    def do_GET(self) -> None:
        """Answer whether all models are loaded."""
        self._answer(200 if self.path == "/health" and self.ready.is_set() else 503, {})

    def do_POST(self) -> None:
        """Tag."""
        tagger = self.taggers.get(self.path.strip("/"))
        size = int(self.headers.get("Content-Length", 0))
        if tagger is None or size > _MOST_BYTES:
            self.close_connection = True
            self._answer(404 if tagger is None else 413, {})
            return
        try:
            texts = json.loads(self.rfile.read(size))
            if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
                self._answer(400, {})
                return
            self._answer(200, tagger.tag(texts))
        except ValueError:
            self._answer(400, {})
        except OSError:
            # A child that ended does not come back by itself: end, and be seen to have ended.
            os._exit(1)

    def _answer(self, status: int, content: Any) -> None:  # noqa: ANN401 - whatever JSON can say
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing: texts are nobody's log's business."""


def main(java: str, jars: str, heap: str, host: str, port: str) -> None:
    """Serve until killed."""
    _Handler.ready = threading.Event()
    options = ["-readStdin", "-outputFormat", "inlineXML"]
    encodings = ["-inputEncoding", "utf-8", "-outputEncoding", "utf-8"]
    base = [java, f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-cp", f"{jars}/*", _MAIN]
    _Handler.taggers = {
        language: Tagger([*base, "-loadClassifier", model, *options, *encodings])
        for language, model in MODELS.items()
    }
    server = ThreadingHTTPServer((host, int(port)), _Handler)
    server.daemon_threads = True
    threading.Thread(target=_warm, daemon=True).start()
    server.serve_forever()


def _warm() -> None:
    try:
        for tagger in _Handler.taggers.values():
            tagger.tag(["."])
    except OSError:
        os._exit(1)
    _Handler.ready.set()


if __name__ == "__main__":
    main(*sys.argv[2:])
