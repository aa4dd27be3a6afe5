"""2,369 real German posts go the whole way."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.support.installation import Installation

REAL = Path(__file__).parents[2].parent / "shared" / "eval" / "real-mentions-de.jsonl"

CONFIG = """
[[sources]]
type = "files"
name = "real"
paths = ["{path}"]
every = 1
columns = {{ text = "text", url = "url", id = "url" }}
defaults = {{ channel = "news", language_hint = "de" }}
channels = {{ "twitter.com" = "microblog", "facebook.com" = "social", "youtube.com" = "video", \
"gutefrage.net" = "forum", "plus.google.com" = "social" }}

[[watchlist]]
topic = "Deutsche Bahn"
kind = "brand"
terms = ["Deutsche Bahn", "Bahn", "DB", "#bahn", "@DB_Bahn"]
"""


@pytest.mark.skipif(
    not REAL.exists(), reason="the real posts may not be passed on; they lie beside the checkout"
)
def test_every_real_post_is_found_once_enriched_and_searchable(
    installation: Installation,
) -> None:
    posts = [json.loads(line) for line in REAL.read_text(encoding="utf-8").splitlines()]
    installation.configure(CONFIG.format(path=REAL))
    installation.start("worker", "--stages", "enrich,index")
    installation.run("agent", "--once", timeout=120)
    installation.wait(lambda: installation.count() >= len(posts), "every post in the index")

    documents = installation.documents()
    assert len(documents) == len(posts)
    assert {document["url"] for document in documents.values()} == {post["url"] for post in posts}
    assert installation.tail("dead") == []

    texts = {post["url"]: post["text"] for post in posts}
    for document in documents.values():
        assert document["text"] == texts[document["url"]]
        assert document["processed_at"]
        assert document["language"]["by"]["name"]
    languages = Counter(document["language"]["code"] for document in documents.values())
    assert languages["de"] > 0.9 * len(posts)
    channels = Counter(document["channel"] for document in documents.values())
    assert channels["microblog"] == sum("//twitter.com/" in post["url"] for post in posts)
    assert channels["social"] >= sum("facebook.com/" in post["url"] for post in posts)
    toned = [document for document in documents.values() if "sentiment" in document]
    assert len(toned) > 0.9 * len(posts)

    for term in ("Verspätung", "Streik", "WLAN", "Zugbegleiter", "Stuttgart"):
        word = re.compile(rf"(?<!\w){term}(?!\w)", re.IGNORECASE)
        expected = {url for url, text in texts.items() if word.search(text)}
        lines = installation.run("search", f'text:"{term}"', "--json", "--size", "3000").stdout
        found = {json.loads(line)["url"] for line in lines.splitlines()}
        assert expected, term
        assert found == expected, term
