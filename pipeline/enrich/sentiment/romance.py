"""French, Italian, Spanish, Portuguese: words of everyday posts, inflection, function words.

Each base form is entered with the endings that its kind takes in the language, regular ones only,
and without accents too, as people type.
"""

import unicodedata
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from pipeline.enrich.sentiment.lexicon import Lexicon, Word, enter, rows

__all__ = ["LANGUAGES", "inflections", "load"]


class _Grammar(Struct, frozen=True):
    """The endings of a language, by what they replace, and its function words."""

    adjective: dict[str, str]
    verb: dict[str, str]
    plural: str
    negations: str
    strong: str
    weak: str
    breaks: str
    lifts: str = ""
    postposed: str = ""


_SPANISH_VERBS: Final = "o es e emos en í iste ió ieron ido ida idos idas iendo ía ían a as an"
LANGUAGES: Final = {
    "fr": _Grammar(
        adjective={
            "eux": "eux euse euses eusement",
            "eur": "eur eurs euse euses",
            "if": "if ifs ive ives ivement",
            "el": "el els elle elles ellement",
            "on": "on ons onne onnes",
            "er": "er ers ère ères",
            "ant": "ant ants ante antes amment",
            "e": "e es ement",
            "": "e s es ement",
        },
        verb={
            "er": "e es ons ez ent é ée és ées ait aient ant ai era erai erait er",
            "ir": "is it issons issez issent i ie ir issant issait ira irai",
            "evoir": "ois oit evons evez oivent u ue us ues evait evant",
            "re": "s t ons ez ent u ue us ues ait ant ra re",
        },
        plural="s x",
        negations="pas ne n jamais sans aucun aucune ni point guère rien",
        strong="très trop tellement vraiment super hyper ultra extrêmement totalement si carrément "
        "grave absolument complètement tant",
        weak="peu assez plutôt presque légèrement moyennement",
        breaks="mais cependant pourtant toutefois malgré quoique sauf",
        lifts="seulement que",
        postposed="pas jamais",
    ),
    "it": _Grammar(
        adjective={
            "co": "co ca ci che camente chissimo chissima",
            "o": "o a i e amente issimo issima issimi issime",
            "le": "le li lmente",
            "e": "e i emente issimo issima",
            "a": "a i e",
        },
        verb={
            "are": "o i a iamo ate ano ato ata ati ate ava avano ando erà ò are",
            "ere": "o i e iamo ete ono uto uta uti ute eva evano endo erà ere",
            "ire": "o i e isce isco iamo ite ono iscono ito ita iti ite iva ivano endo ire",
        },
        plural="i e",
        negations="non no mai senza niente nulla nessuno nessuna né nemmeno neanche neppure",
        strong="molto troppo tanto davvero veramente proprio super estremamente totalmente così "
        "assolutamente completamente più",
        weak="poco abbastanza piuttosto quasi leggermente meno",
        breaks="ma però tuttavia eppure sebbene nonostante tranne invece",
        lifts="solo soltanto",
    ),
    "es": _Grammar(
        adjective={
            "z": "z ces zmente",
            "o": "o a os as amente ísimo ísima ísimos ísimas",
            "e": "e es emente",
            "l": "l les lmente",
            "or": "or ora ores oras",
            "a": "a as",
            "ón": "ón ona ones onas",
            "": "es",
        },
        verb={
            "ar": "o as a amos an é aste ó aron ado ada ados adas ando aba aban e en ará aría ar",
            "er": f"{_SPANISH_VERBS} er",
            "ir": f"{_SPANISH_VERBS} ir",
            "ír": "ío íe íen ió iendo ír",
        },
        plural="s es",
        negations="no nunca jamás sin nada nadie ni tampoco ningún ninguna ninguno",
        strong="muy mucho mucha muchas muchos demasiado tan tanto realmente súper super "
        "extremadamente totalmente absolutamente completamente más bastante",
        weak="poco algo casi ligeramente menos",
        breaks="pero sino aunque excepto salvo mientras",
        lifts="solo sólo solamente",
    ),
    "pt": _Grammar(
        adjective={
            "ável": "ável áveis avelmente",
            "ível": "ível íveis ivelmente",
            "il": "il eis ilmente",
            "l": "l is lmente",
            "z": "z zes zmente",
            "o": "o a os as amente íssimo íssima íssimos íssimas inho inha",
            "e": "e es emente",
            "m": "m ns",
            "or": "or ora ores oras",
            "ão": "ão ona ões onas",
            "a": "a as",
            "": "",
        },
        verb={
            "ar": "o as a amos am ei ou aram ado ada ados adas ando ava avam e em ará aria ar",
            "er": "o es e emos em i eu eram ido ida idos idas endo ia iam a am er",
            "ir": "o es e imos em i iu iram ido ida indo ia iam a am ir",
        },
        plural="s",
        negations="não nao n nunca jamais sem nada ninguém nem nenhum nenhuma tampouco",
        strong="muito muita muitos muitas mto mt demais tão tanto realmente super extremamente "
        "totalmente absolutamente completamente mais bem bastante",
        weak="pouco quase levemente menos meio",
        breaks="mas porém contudo todavia embora entretanto exceto enquanto",
        lifts="só apenas somente",
    ),
}
"""What the languages need, by their codes."""


def inflections(language: str, form: str, kind: str) -> Iterator[str]:
    """The lower-case forms that a word takes, itself first.

    Args:
        language: one of ``LANGUAGES``.
        form: the base form.
        kind: ``A`` adjective, ``N`` noun, ``V`` verb; any other takes no endings.
    """
    grammar = LANGUAGES[language]
    yield form
    if kind == "N":
        yield from (form + ending for ending in grammar.plural.split())
    endings = {"A": grammar.adjective, "V": grammar.verb}.get(kind, {})
    for old, new in endings.items():  # the longest stand first
        if form.endswith(old):
            stem = form[: len(form) - len(old)]
            yield from (stem + ending for ending in new.split())
            return


def _spellings(form: str) -> Iterator[str]:
    yield form
    if not form.isascii():
        letters = unicodedata.normalize("NFD", form)
        yield "".join(letter for letter in letters if not unicodedata.combining(letter))


def load(language: str) -> Lexicon:
    """Build the lexicon of one of ``LANGUAGES``."""
    grammar = LANGUAGES[language]
    table: dict[str, Word] = {}
    entries = [
        (form, kind, Word(weight=float(weight)))
        for kind, weight, forms in rows(f"{language}_everyday.tsv")
        for form in forms.split()
    ]
    for form, _, word in entries:  # what the list names itself wins over an inflected form
        for spelling in _spellings(form):
            table.setdefault(spelling, word)
    for form, kind, word in entries:
        for inflected in inflections(language, form, kind):
            for spelling in _spellings(inflected):
                table.setdefault(spelling, word)
    enter(
        table,
        {1.4: grammar.strong, 0.6: grammar.weak},
        grammar.negations,
        grammar.breaks,
        grammar.lifts,
        postposed=grammar.postposed,
        spelled=_spellings,
    )
    return Lexicon(words=table, neutral=(-0.1, 0.2))
