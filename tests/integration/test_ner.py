"""The real sidecar: found names, listening on loopback only, gone when its tagger is killed."""

import socket
import time
from pathlib import Path

import psutil
from rich.console import Console

from pipeline.enrich.names import Builtin
from pipeline.enrich.names.corenlp import CoreNLP
from pipeline.enrich.text import view
from pipeline.stack import bars, java
from pipeline.stack.corenlp import CoreNLP as Sidecar

GERMAN = view("Gestern traf Olaf Scholz in Hamburg die Chefs von Siemens.")
ENGLISH = view("On Monday Angela Merkel met Tim Cook in San Francisco.")


def test_finds_names_and_is_replaced_when_it_dies(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    sidecar = Sidecar(tmp_path / "corenlp", "127.0.0.1", port, "1g")
    sidecar.fetch(bars(Console(quiet=True)))
    sidecar.launch(java.find())
    try:
        _until_healthy(sidecar)
        client = CoreNLP(f"http://{sidecar.address}", ("de", "en"), Builtin())
        german, english = client.find([(GERMAN, "de"), (ENGLISH, "en")])
        assert [(GERMAN.text[n.start : n.end], n.kind) for n in german] == [
            ("Olaf Scholz", "person"),
            ("Hamburg", "place"),
            ("Siemens", "organisation"),
        ]
        assert [(ENGLISH.text[n.start : n.end], n.kind) for n in english] == [
            ("Angela Merkel", "person"),
            ("Tim Cook", "person"),
            ("San Francisco", "place"),
        ]
        assert {name.by.name for name in (*german, *english)} == {"corenlp"}

        process = sidecar.process()
        assert process is not None
        children = process.children()
        listening = [
            connection.laddr.ip
            for one in (process, *children)
            for connection in one.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        ]
        assert listening == ["127.0.0.1"]

        children[0].kill()
        names = client.find([(GERMAN, "de")])[0]
        assert {name.by.name for name in names} == {"names-de"}
        psutil.wait_procs([process, *children], timeout=20)
        assert not sidecar.starting()
        assert not any(child.is_running() for child in children)
    finally:
        sidecar.kill()


def _until_healthy(sidecar: Sidecar) -> None:
    deadline = time.monotonic() + 120
    while not sidecar.healthy():
        assert sidecar.starting(), sidecar.log.read_text()
        assert time.monotonic() < deadline, "not healthy in time"
        time.sleep(0.2)
