"""HTML to plain text, paragraphs kept."""

import re
from typing import Final

from lxml import etree, html

__all__ = ["looks_like_html", "to_text"]

_BLOCKS: Final = frozenset(
    """address article aside blockquote br dd div dl dt figcaption figure footer h1 h2 h3 h4 h5 h6
    header hr li main nav ol p pre section table td th tr ul""".split()  # noqa: SIM905 - shorter so
)
_SILENT: Final = ("script", "style", "template", "noscript", "iframe", "object")
_TAG: Final = re.compile(r"<[a-zA-Z/!][^<>]*>|&(#\d+|#x[0-9a-fA-F]+|[a-zA-Z]\w+);")
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def looks_like_html(text: str) -> bool:
    """Whether a text holds tags or entities."""
    return _TAG.search(text) is not None


def to_text(markup: str) -> str:
    """What a reader of the HTML sees: one line a block, blanks collapsed."""
    # lxml takes no control characters.
    markup = _CONTROL.sub(" ", markup)
    if not markup.strip():
        return ""
    try:
        root = html.fragment_fromstring(markup, create_parent="div")
    except (etree.LxmlError, ValueError):
        return " ".join(re.sub(r"<[^>]*>", " ", markup).split())
    for element in list(root.iter(*_SILENT, etree.Comment, etree.ProcessingInstruction)):
        element.drop_tree()
    for element in root.iter():
        if element.tag in _BLOCKS:
            element.text = f"\n{element.text or ''}"
            element.tail = f"\n{element.tail or ''}"
    lines = (" ".join(line.split()) for line in root.text_content().splitlines())
    return "\n".join(line for line in lines if line)
