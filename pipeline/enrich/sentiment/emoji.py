"""The tone of emoji and emoticons, the same in all languages."""

import re
from typing import Final

__all__ = ["EMOTICON", "OPENS", "emoji", "emoticon"]

_EMOJI: Final = {
    weight: frozenset(signs)
    for weight, signs in {
        1.0: "😀😃😄😁😆😊☺😍🥰😘😻🤗🤩🥳❤♥♡🧡💛💚💙💜🖤💕💖💗💓💞💘💝"
        "😎👍👏🙌💪🎉🎊🏆🥇⭐🌟✨😇😋💯🤍🤎😚😙😗💋",
        0.7: "🙂😉😂🤣😌😜😝😛🤪👌✌🤞🙏🍀🌞☀🌈🎁🎈🔥🚀✅🌹🌸💐🌺🌻🎂🍻🥂😹😸😺😏🤘🤙☘🍾",
        -0.7: "😕🙁☹😐😑😒🙄😬🤔😓😥😰😟😔"
        "😞😖😣😩😫😪🤒🤕🤐🥱😶🤨😧😦💔😨😱😳🤦🤷👀❌⚠🚫😿🙀🤥🥴🥺",
        -1.0: "😠😡🤬😤😢😭👎🖕💩🤮🤢😾☠💀👿😈🤡😷🤯",
    }.items()
}
_ANY: Final = "🤔👀😳🙏😏🤷😐😶🔥"  # they accompany any tone, and carry none
_TONE: Final = {
    sign: weight for weight, signs in _EMOJI.items() for sign in signs if sign not in _ANY
}

EMOTICON: Final = (
    # What any of them starts with comes first: most places in a text are none.
    r"(?=[:;=()<^*>\\-])(?:"
    # Right behind a word only those that nothing else looks like.
    r"(?<=[^\W\d_])[:;]-?[)(]+(?!\w)|"
    r"(?<![\w:;=])(?:[:;=][-o^']?[)\]DdPp}]+(?!\w)|[:;=]'[-]?[)(]+|[:=][-o^]?[(\[/\\|{cC]+(?!\w)"
    r"|;[-o^]?[(]+(?!\w)"
    r"|[(][-o^]?[:;=](?!\w)|(?<=\s)[)][-o^]?[:=](?!\w)|<3+|</3|\^_*\^|\*[-_.]\*|[:;]-?\*+|-[._]+-(?!\w)"
    r"|>[._]<|\\o/))"
)
"""A pattern for one emoticon; those of letters alone (xD) are words to a lexicon."""
OPENS: Final = {
    ":;=": "-o^')]DdPp}([/\\|{cC*",
    "()": "-o^:;=",
    "<": "3/",
    "^": "_^",
    "*": "-_.",
    ">": "._",
    "-": "._",
    "\\": "o",
}
"""What may come behind the first character of one."""
_SAD: Final = re.compile(
    r"[:=]'?[-o^]?[(\[/\\|{cC]+|;'?[-o^]?[(]+|[)][-o^]?[:=]|</3|-[._]+-|>[._]<"
)
_VAGUE: Final = re.compile(r"[:=][-o^]?[/\\|]+|-[._]+-")


def emoji(sign: str) -> float:
    """The tone of one emoji, by its first character; 0 where it has none."""
    return _TONE.get(sign[0], 0.0)


def emoticon(sign: str) -> float:
    """The tone of one emoticon."""
    if _SAD.fullmatch(sign):
        return -0.7 if _VAGUE.fullmatch(sign) else -1.0
    return 1.0
