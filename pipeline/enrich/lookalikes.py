"""Letters of other scripts that look like Latin ones: a brand's name with a false letter is found.

``Nordluft`` with a Cyrillic or Greek o in it reads as Nordluft to people, and passes every filter.
The table is Unicode's own (UTS 39, confusables.txt, single letters); a test compares it with the
package ``confusable-homoglyphs``.
"""

import re
from typing import Final

__all__ = ["TABLE", "plain"]

_LETTERS: Final = (
    # Phonetic
    "\u0251\u0261\u0263\u0269\u026a\u026f\u028b\u028f\u1d04\u1d0f\u1d11\u1d1c"
    "\u1d20\u1d21\u1d22\u1d83\u1d8c\ua731\ua798\ua799\ua79f\ua7b2\ua7b3\ua7b4"
    # Greek
    "\u037f\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1"
    "\u03a4\u03a5\u03a7\u03b1\u03b3\u03b9\u03bd\u03bf\u03c1\u03c3\u03c5\u03dc"
    "\u03f3\u03fa\u1d26"
    # Cyrillic
    "\u0405\u0406\u0408\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421"
    "\u0422\u0423\u0425\u042c\u0430\u0433\u0435\u043e\u0440\u0441\u0443\u0445"
    "\u0455\u0456\u0458\u0461\u0474\u0475\u04ae\u04af\u04bb\u04bd\u04c0\u04cf"
    "\u0501\u050c\u051b\u051c\u051d\ua647"
    # Armenian
    "\u054d\u054f\u0555\u0561\u0563\u0566\u0570\u0578\u057c\u057d\u0581\u0584"
    "\u0585"
    # Cherokee
    "\u13a0\u13a1\u13a2\u13a5\u13a9\u13aa\u13ab\u13ac\u13b3\u13b7\u13bb\u13bd"
    "\u13c0\u13c2\u13c3\u13cf\u13d2\u13d4\u13d5\u13d9\u13da\u13de\u13df\u13e2"
    "\u13e6\u13e7\u13f3\u13f4\uab75\uab81\uab83\uab93\uaba9\uabaa\uabaf"
    # Coptic
    "\u2c85\u2c8e\u2c92\u2c94\u2c98\u2c9a\u2c9e\u2c9f\u2ca2\u2ca3\u2ca4\u2ca5"
    "\u2ca6\u2ca8\u2cac\u2cd0"
    # Lisu
    "\ua4d0\ua4d1\ua4d2\ua4d3\ua4d4\ua4d6\ua4d7\ua4d9\ua4da\ua4dc\ua4dd\ua4df"
    "\ua4e0\ua4e1\ua4e2\ua4e3\ua4e6\ua4e7\ua4ea\ua4eb\ua4ec\ua4ee\ua4f0\ua4f2"
    "\ua4f3\ua4f4"
)
_LATIN: Final = (
    "agyiiwuycoouvwzgysFfuJXB"
    "JABEZHIKMNOPTYXayivopouFjMr"
    "SIJABEKMHOPCTYXbareopcyxsijwVvYyheIidGqWwi"
    "USOwqqhnnugfo"
    "DRTiYAJEWMHYGhZbRWSVSLCPKdGBirwzvsc"
    "rHIKMNOoPpCcTYXL"
    "BPdDTGKJCZFMNLSRVHWXYAElOU"
)
TABLE: Final[dict[int, int]] = str.maketrans(_LETTERS, _LATIN)
"""Each such letter, and the Latin letter it looks like."""

_ANY: Final = re.compile(f"[{_LETTERS}]")
_WORD: Final = re.compile(r"[^\W\d_]{2,}")
_OTHER: Final = re.compile(r"[^\W\d_\x00-\u036f\u1e00-\u1eff\u2c60-\u2c7f]")
"""A letter of another script than Latin."""


def plain(text: str) -> str:
    """The same text, as long as before, with false letters replaced by what they look like.

    A letter is false in a word that has Latin letters too, and in a text none of whose words can be
    meant in another script. Words with a letter that looks like no Latin one are left alone, and so
    are single letters: they are Russian, or Greek, or mathematics.
    """
    if text.isascii() or not _ANY.search(text):
        return text
    foreign = _OTHER.search(text.translate(TABLE)) is not None

    def read(match: re.Match[str]) -> str:
        word = match[0]
        read_ = word.translate(TABLE)
        if _OTHER.search(read_):
            return word
        mixed = any(letter == seen for letter, seen in zip(word, read_, strict=True))
        return read_ if mixed or not foreign else word

    return _WORD.sub(read, text)
