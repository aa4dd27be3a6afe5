"""The user's own spaCy models, here one that knows two names."""

from pathlib import Path

import pytest
import spacy

from pipeline.enrich.names import Builtin, build
from pipeline.enrich.names.spacy import Spacy
from pipeline.enrich.text import view
from pipeline.errors import ConfigError
from pipeline.settings import Enrichment


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("spacy") / "model"
    made = spacy.blank("de", meta={"name": "two_names", "version": "1.2.3"})
    ruler = made.add_pipe("entity_ruler")
    ruler.add_patterns(  # type: ignore[attr-defined]
        [
            {"label": "PER", "pattern": "Ada Muster"},
            {"label": "WORK_OF_ART", "pattern": "Windlied"},
            {"label": "DATE", "pattern": "gestern"},
        ]
    )
    made.to_disk(path)
    return str(path)


def test_finds_where_the_original_has_it_and_says_by_what(model: str) -> None:
    finder = build(Enrichment(name_backend="spacy", spacy_models={"de": model}))
    assert isinstance(finder, Spacy)
    text = "\U0001f600 Ada&nbsp;Muster sang gestern das Windlied"
    seen = view(text)
    german, english = finder.find(
        [(seen, "de"), (view("On Monday Tim Cook of Apple met them in Berlin."), "en")]
    )
    assert [(seen.written(seen.span(n.start, n.end)), n.kind) for n in german] == [
        ("Ada&nbsp;Muster", "person"),
        ("Windlied", "work"),
    ]
    assert {(n.by.name, n.by.version) for n in german} == {("spacy-de-two_names", "1.2.3")}
    assert {n.by.name for n in english} == {"names-en"}


def test_a_missing_model_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"enrichment\.spacy_models\.de: .*nowhere"):
        Spacy({"de": str(tmp_path / "nowhere")}, Builtin(()))
