from datetime import UTC, datetime

from rich.console import Console

from pipeline.admin import Lag
from pipeline.demo.view import Picture, render
from pipeline.search.aggregations import Newest, Overview, Voice


def shown(picture: Picture, command: str | None = None) -> str:
    console = Console(width=120, record=True)
    console.begin_capture()
    console.print(render(picture, command))
    return console.end_capture()


EMPTY = Overview(
    total=0, channels={}, languages={}, sentiment={}, topics={}, voices=[], per_minute=[], newest=[]
)


def test_before_the_first_mention_there_is_a_picture_too() -> None:
    text = shown(Picture(found=EMPTY, lags=[], per_second=0.0, searchable=0, expected=492))
    assert "0 of 492" in text
    assert "another terminal" not in text


def test_a_picture_shows_every_figure() -> None:
    found = Overview(
        total=4,
        channels={"forum": 3, "news": 1},
        languages={"de": 4},
        sentiment={"negative": 1, "positive": 3},
        topics={},
        voices=[Voice("Vennbruck", "brand", 3, 0.75, 1, 1, 1)],
        per_minute=[],
        newest=[
            Newest(
                id="files:1",
                published_at=datetime(2026, 11, 24, tzinfo=UTC),
                channel="forum",
                author=None,
                language="de",
                sentiment=None,
                title=None,
                text="[bold]Kein\nMarkup[/bold]",
            )
        ],
    )
    picture = Picture(
        found=found,
        lags=[Lag("enrich", "mentions.raw", 7, 11)],
        per_second=2.5,
        searchable=4,
        expected=492,
    )
    text = shown(picture, ".venv/bin/mentions")
    for part in ("4 of 492", "2 a second", "forum 3 75%", "negative 1 25%", "Vennbruck 3 100%"):
        assert part in text, part
    assert "enrich 7" in text
    assert "[bold]Kein Markup[/bold]" in text
    assert ".venv/bin/mentions tail enriched --follow" in text
