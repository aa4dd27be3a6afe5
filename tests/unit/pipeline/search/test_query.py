import pytest
from elastic_transport import ApiResponseMeta, HttpHeaders, NodeConfig
from elasticsearch import BadRequestError

from pipeline.search.query import END, START, _explained, _signed, _snippet, _spelt, spellings_of


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("Störung", "Störung"),
        ("#Bahn", "hashtags:Bahn"),
        ("-#spam +#Zug", "-hashtags:spam +hashtags:Zug"),
        ("(#a OR #größe)", "(hashtags:a OR hashtags:größe)"),
        ("@db_info", "(handles:db_info OR author.handle:db_info)"),
        ('"#Bahn fährt"', '"#Bahn fährt"'),
        ("/#[ab]/", "/#[ab]/"),
        ("hashtags:#x", "hashtags:#x"),
        ("jemand@example.org", "jemand@example.org"),
        ("C# 🚆 #", "C# 🚆 #"),
    ],
)
def test_signs_stand_for_fields(typed: str, sent: str) -> None:
    assert _signed(typed) == sent


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("Bus AND NOT Zug", "Bus AND NOT Zug"),
        ("Störung", "(Störung OR stoerung)"),
        ("-stoerung", "-(stoerung OR störung)"),
        ("text:Größe", "text:(Größe OR groesse OR groeße OR grösse)"),
        ("Stör*", "(Stör* OR stoer*)"),
        ('"kommt zu spät"', '"kommt zu spät"'),
        ("topics:Lüftung /[Bb]ues+/ Bües~ B\\ües", "topics:Lüftung /[Bb]ues+/ Bües~ B\\ües"),
        ("hashtags:(für über) (für)", "hashtags:(für über) ((für OR fuer))"),
        ("OR", "OR"),
    ],
)
def test_words_are_asked_for_in_both_spellings(typed: str, sent: str) -> None:
    assert _spelt(typed) == sent


def test_every_spelling_of_a_word_finds_the_others() -> None:
    assert "straßenbahnausfälle" in spellings_of("Strassenbahnausfaelle")
    assert "strassenbahnausfaelle" in spellings_of("Straßenbahnausfälle")
    assert spellings_of("Bus") == ("Bus",)
    assert len(spellings_of("ue" * 50)) == 16


def _refused(reason: str) -> BadRequestError:
    meta = ApiResponseMeta(
        status=400,
        http_version="1.1",
        headers=HttpHeaders(),
        duration=0.0,
        node=NodeConfig("http", "localhost", 9200),
    )
    shard = {"type": "query_shard_exception", "reason": "outer", "caused_by": {"reason": reason}}
    return BadRequestError("said", meta, {"error": {"failed_shards": [{"reason": shard}]}})


def test_a_mistake_is_shown_where_it_is() -> None:
    error = _refused('Cannot parse \'a:b:c\': Encountered " ":" " at line 1, column 3.\nWas')
    assert _explained(error, "a:b:c") == (
        "the query can't be read from character 4 on, at ':c': a:b:c"
    )


def test_a_query_that_ends_too_early_says_so() -> None:
    error = _refused("Cannot parse 'a (': Encountered \"<EOF>\" at line 1, column 3.")
    assert "because it ends there" in _explained(error, "a (")


def test_another_mistake_is_told_in_elasticsearch_s_words() -> None:
    error = _refused('For input string: "x"')
    assert _explained(error, "revision:x") == (
        'the query can\'t be answered: For input string: "x"'
    )


@pytest.mark.parametrize("asked", ["Lüftung", "lueftung", "kaputt OR Lüftung", "text:Anlage"])
def test_a_compound_that_was_found_by_a_part_is_marked(asked: str) -> None:
    text = "x " * 200 + "Die Lüftungsanlage ist da" + " y" * 200
    hit = {"_source": {"text": text, "compounds": ["lüftung", "anlage"]}}
    snippet = _snippet(hit, asked)
    assert f"Die {START}Lüftungsanlage{END} ist" in snippet
    assert len(snippet) < 200


def test_what_is_marked_already_stays() -> None:
    marked = f"Die {START}Lüftung{END} der Lüftungsanlage"
    hit = {
        "_source": {"text": "Die Lüftung der Lüftungsanlage", "compounds": ["lüftung", "anlage"]},
        "highlight": {"text": [marked]},
    }
    assert _snippet(hit, "Lüftung") == marked
    plain = {"_source": {"text": "Ein Bus"}, "highlight": {"text": ["Ein Bus"]}}
    assert _snippet(plain, "author.name:Muster") == "Ein Bus"
