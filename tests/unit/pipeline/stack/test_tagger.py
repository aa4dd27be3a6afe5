"""The server in front of the tagger: what it asks, what it makes of answers, when it gives up."""

import http.client
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.stack.tagger import Tagger, _Handler, spans

# Stands for the Java program: tags one name, and ends when told to.
STAND_IN = """
import sys
for line in sys.stdin:
    if "crash" in line:
        sys.exit(1)
    sys.stdout.write(line.rstrip("\\n").replace("Ada  Muster", "<PERSON>Ada  Muster</PERSON>"))
    sys.stdout.flush()
"""


@pytest.fixture
def tagger() -> Iterator[Tagger]:
    made = Tagger([sys.executable, "-c", STAND_IN])
    yield made
    made._process.kill()
    made._process.wait()
    made._input.close()
    made._output.close()


@pytest.mark.parametrize(
    ("text", "tagged", "found"),
    [
        ("Ada in Bonn", "<PERSON>Ada</PERSON> in <LOCATION>Bonn</LOCATION>", ["Ada", "Bonn"]),
        ("a  Ada Muster\t!", "a <PERSON>Ada Muster</PERSON> !", ["Ada Muster"]),
        ("Bonn, Bonn", "Bonn, <LOCATION>Bonn</LOCATION>", ["Bonn"]),
        ("nichts", "nichts", []),
        ("Ada", "<PERSON></PERSON>Ada", []),
    ],
)
def test_places_are_those_of_the_text(text: str, tagged: str, found: list[str]) -> None:
    places = spans(text, tagged)
    assert [text[start:end] for start, end, _ in places] == found
    if found == ["Bonn"]:
        assert places == [(6, 10, "place")]


@given(st.text(max_size=50), st.text(max_size=80))
def test_whatever_comes_places_are_in_the_text_and_in_order(text: str, tagged: str) -> None:
    end = 0
    for start, stop, _ in spans(text, f"<PERSON>{tagged[:5]}</PERSON>{tagged}"):
        assert end <= start < stop <= len(text)
        end = stop


def test_asks_line_by_line_whatever_the_text_holds(tagger: Tagger) -> None:
    odd = "a\nb\u241ec\u2028d <PERSON> \ud83d Ada  Muster"
    assert tagger.tag(["Ada  Muster", "", " \n ", odd, "x" * 200_000]) == [
        [(0, 11, "person")],
        [],
        [],
        [(odd.index("Ada"), len(odd), "person")],
        [],
    ]


def test_an_ended_program_is_an_error(tagger: Tagger) -> None:
    with pytest.raises(OSError, match=r"ended|Broken pipe"):
        tagger.tag(["crash", "more"])


def test_serves_on_http(tagger: Tagger) -> None:
    class Handler(_Handler):
        ready = threading.Event()

    Handler.taggers = {"de": tagger}
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        address = f"127.0.0.1:{server.server_address[1]}"

        def ask(
            method: str, path: str, body: object = None, size: int | None = None
        ) -> tuple[int, object]:
            with closing(http.client.HTTPConnection(address, timeout=10)) as connection:
                content = json.dumps(body).encode()
                headers = {"Content-Length": str(len(content) if size is None else size)}
                connection.request(method, path, content, headers)
                answer = connection.getresponse()
                return answer.status, json.loads(answer.read())

        assert ask("GET", "/health")[0] == 503
        Handler.ready.set()
        assert ask("GET", "/health")[0] == 200
        assert ask("POST", "/de", ["Ada  Muster"]) == (200, [[[0, 11, "person"]]])
        assert ask("POST", "/fr", ["x"])[0] == 404
        assert ask("POST", "/de", {"not": "a list"})[0] == 400
        assert ask("POST", "/de", ["x"], size=9 << 20)[0] == 413
        server.shutdown()
