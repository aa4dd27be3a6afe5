"""An analyst corrects on the page what Kibana shows; nobody else does, and nothing else can."""

import json
import re
import signal
import socket
import ssl
from typing import Any

import httpx
import pytest
from lxml import html
from msgspec.structs import replace

from tests.support.certificates import Certificates
from tests.support.installation import Installation
from tests.support.messages import mention, message, publish

CONFIG = """
[[watchlist]]
topic = "Bahn"
kind = "brand"
terms = ["Bahn"]

[[watchlist]]
topic = "Bus"
kind = "brand"
terms = ["Omnibus"]

[page]
people = [
  { name = "ada", token = "env:PAGE_ADA" },
  { name = "bob", token = "env:PAGE_BOB" },
]
listen = "127.0.0.1:0"
"""
ADA, BOB = "ada-" * 5, "bob-" * 5
TITLE = "<script>alert(1)</script>"
ID = 'push:1/"a b"&c'


def served(installation: Installation, *arguments: str) -> str:
    """The page's address, once it listens."""
    process = installation.start("page", *arguments)
    address = re.compile(r"(https?://127\.0\.0\.1:\d+)/mention")
    installation.wait(lambda: address.search(installation.log(process)) is not None, "it listens")
    found = address.search(installation.log(process))
    assert found
    return found[1]


class Analyst:
    """Somebody with a browser: opens the page, presses a button."""

    def __init__(self, url: str, name: str, token: str) -> None:
        self.url = url
        self._auth = (name, token)

    def open(self, name: str = ID, **params: str) -> httpx.Response:
        where, params = f"{self.url}/mention", {"id": name, **params}
        return httpx.get(where, params=params, auth=self._auth, timeout=60)

    def press(
        self, button: list[str | None], headers: dict[str, str] | None = None, **fields: str
    ) -> httpx.Response:
        """Press a button that is there, with the form's fields."""
        shown = self.open(lang="en")
        tree = html.fromstring(shown.text)
        (form,) = tree.forms
        values = [json.loads(each.get("value")) for each in form.iterfind(".//button[@name]")]
        assert button in values, values
        given = {**dict(form.form_values()), **fields, "say": json.dumps(button)}
        return self.send(given, headers)

    def send(self, fields: dict[str, str], headers: dict[str, str] | None = None) -> httpx.Response:
        own = {"origin": self.url, "sec-fetch-site": "same-origin"}
        return httpx.post(
            f"{self.url}/mention",
            params={"id": ID, "lang": "en"},
            data=fields,
            headers=own | (headers or {}),
            auth=self._auth,
            timeout=60,
        )


def words(installation: Installation) -> list[dict[str, Any]]:
    """What people said, of all that was ever said."""
    return [
        each["value"]
        for topic in ("mentions.corrections", "mentions.amendments")
        for each in installation.tail(topic)
    ]


@pytest.fixture
def address(installation: Installation) -> str:
    installation.configure(CONFIG)
    installation.env |= {"PAGE_ADA": ADA, "PAGE_BOB": BOB}
    installation.start("worker", "--stages", "enrich,index")
    text = "Die Bahn kommt, und Fön & Co. auch"
    said = replace(mention(1, text=text), id=ID, title=TITLE)
    publish(installation, "mentions.raw", [message(said)])
    installation.wait(lambda: installation.count() == 1, "it is indexed")
    return served(installation)


def test_a_word_on_the_page_is_a_word_everywhere(installation: Installation, address: str) -> None:
    def document() -> dict[str, Any]:
        return installation.documents()[ID]

    def relevance() -> dict[str, Any]:
        found: dict[str, Any] = document()["matches"][0].get("relevance", {})
        return found

    wait = installation.wait
    ada, bob = Analyst(address, "ada", ADA), Analyst(address, "bob", BOB)
    shown = ada.open(lang="de")
    assert shown.status_code == 200
    assert "gehört nicht dazu" in shown.text
    assert "not relevant" not in shown.text
    assert "Erwähnung korrigieren" in shown.text
    assert TITLE not in shown.text
    assert html.fromstring(shown.text).findtext(".//h2") == TITLE
    first = html.fromstring(shown.text).find(".//button")
    assert first is not None
    assert "disabled" in first.attrib  # or Enter in a field would press the first
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    assert words(installation) == []  # to look changes nothing

    done = ada.press(["irrelevant", "Bahn", None, None], note="a tram")
    assert done.status_code == 200, done.text
    assert "Said and published" in done.text
    assert "ada," in done.text
    wait(lambda: relevance().get("score") == 0, "it is indexed")
    assert relevance()["marked_by"] == "ada"
    assert relevance()["marked_at"]
    assert words(installation)[0]["note"] == "a tram"
    last = installation.tail("mentions.enriched")[-1]["value"]
    assert last["matches"][0]["relevance"]["marked_by"] == "ada"

    # Another says something else, sees who was before, and takes it back.
    assert bob.press(["negative", None, None, None]).status_code == 200
    wait(lambda: document()["sentiment"]["label"] == "negative", "the tone is indexed")
    assert document()["amendments"][0]["by"] == "bob"
    assert relevance()["marked_by"] == "ada"
    assert bob.press(["about"], missed="Bus").status_code == 200
    wait(lambda: set(document()["topics"]) == {"Bahn", "Bus"}, "the topic is indexed")
    named = bob.press(["entity"], entity="Fön & Co.", kind="organisation")
    assert named.status_code == 200, named.text
    assert bob.press(["withdrawn", "Bahn", None, "relevance"]).status_code == 200
    wait(lambda: relevance() == {}, "the mark is taken back")
    assert any(one["text"] == "Fön & Co." for one in document()["entities"])
    history = bob.open(lang="en").text
    assert "Fön &amp; Co.: organisation" in history
    assert "Bus: is about it" in history


def test_nobody_else_says_anything(installation: Installation, address: str) -> None:
    ada = Analyst(address, "ada", ADA)
    refused = [
        httpx.get(f"{address}/mention", params={"id": ID}),
        Analyst(address, "ada", BOB).open(),
        Analyst(address, "eve", ADA).open(),
        Analyst(address, "ada", BOB).send({"say": '["irrelevant","Bahn"]'}),
    ]
    assert [each.status_code for each in refused] == [401] * 4
    assert refused[0].headers["www-authenticate"].startswith("Basic ")
    assert all("Bahn" not in each.text for each in refused)

    (sign,) = html.fromstring(ada.open().text).xpath("//input[@name='sign']/@value")
    (other,) = html.fromstring(Analyst(address, "bob", BOB).open().text).xpath(
        "//input[@name='sign']/@value"
    )
    say = {"say": '["irrelevant","Bahn",null,null]'}
    good = {**say, "sign": str(sign)}
    forged = [
        ada.send(say),
        ada.send({**say, "sign": str(other)}),
        ada.send(good, {"origin": "https://evil.example"}),
        ada.send(good, {"sec-fetch-site": "cross-site"}),
        ada.send(good, {"content-type": "text/plain"}),
        ada.send({**good, "note": "x" * 20_000}),
    ]
    assert [each.status_code for each in forged] == [403] * 5 + [413]
    assert [
        ada.send({**good, "say": say_}).status_code
        for say_ in ("", "nonsense", '["dance"]', '["relevant",7]')
    ] == [422] * 4
    assert ada.send({**good, "say": '["irrelevant","Schiff",null,null]'}).status_code == 422
    unknown = ada.open("push:never", lang="en")
    assert (unknown.status_code, "not in the index" in unknown.text) == (404, True)
    assert words(installation) == []


def test_it_is_off_unless_somebody_may_use_it(installation: Installation) -> None:
    installation.configure(CONFIG.split("[page]", maxsplit=1)[0])
    assert "nobody may use the page" in installation.run("page", code=1).stderr
    installation.configure(CONFIG)
    installation.env |= {"PAGE_ADA": "short", "PAGE_BOB": BOB}
    said = installation.run("page", code=1).stderr
    assert "16 signs" in said
    assert "short" not in said
    installation.env["PAGE_ADA"] = ADA
    served(installation)
    (process,) = installation._started[-1:]
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0


def test_browsers_are_shown_a_certificate(installation: Installation) -> None:
    installation.configure(CONFIG)
    installation.env |= {"PAGE_ADA": ADA, "PAGE_BOB": BOB}
    made = Certificates(installation.folder / "certificates")
    installation.env["MENTIONS_PAGE__CERT_FILE"] = str(made.ca)
    said = installation.run("page", code=1).stderr
    assert "cannot be read" in said
    assert str(made.ca) in said
    installation.env["MENTIONS_PAGE__KEY_FILE"] = str(made.key)
    url = served(installation)
    assert url.startswith("https://")
    trust = ssl.create_default_context(cafile=made.ca)
    assert httpx.get(f"{url}/health", verify=trust, trust_env=False).status_code == 200
    refused = httpx.get(f"{url}/mention", verify=trust, trust_env=False)
    assert refused.status_code == 401
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"{url.replace('https', 'http')}/mention", trust_env=False)


def test_it_says_how_it_is_on_a_port_of_its_own(installation: Installation) -> None:
    installation.configure(CONFIG)
    installation.env |= {"PAGE_ADA": ADA, "PAGE_BOB": BOB}
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url, own = served(installation, "--port", str(port)), f"http://127.0.0.1:{port}"
    assert httpx.get(f"{url}/mention", trust_env=False).status_code == 401

    def asked(path: str) -> httpx.Response:
        return httpx.get(own + path, trust_env=False)

    installation.wait(lambda: asked("/ready").status_code == 200, "it is ready")
    assert asked("/health").json()["live"]
    assert 'mentions_page_answers_total{status="401"} 1.0' in asked("/metrics").text
    assert httpx.get(f"{url}/metrics", trust_env=False).status_code == 404
