"""What people read, in German and English, side by side."""

from typing import Final, Literal, TypeAlias

from msgspec import Struct

__all__ = ["CHANNELS", "LABELS", "LANGUAGES", "TONE_COLOURS", "Lang", "Words"]

Lang: TypeAlias = Literal["de", "en"]


class Words(Struct, frozen=True):
    """One text in both languages."""

    de: str
    en: str

    def __getitem__(self, lang: Lang) -> str:
        return self.de if lang == "de" else self.en


LABELS: Final = {
    "negative": Words("negativ", "negative"),
    "neutral": Words("neutral", "neutral"),
    "positive": Words("positiv", "positive"),
}
TONE_COLOURS: Final = {"negative": "#C61E25", "neutral": "#98A2B3", "positive": "#209280"}
"""Told apart also by people who don't see red and green alike, by their lightness."""
CHANNELS: Final = {
    "microblog": Words("Mikroblog", "Microblog"),
    "forum": Words("Forum", "Forum"),
    "blog": Words("Blog", "Blog"),
    "news": Words("Nachrichten", "News"),
    "review": Words("Bewertung", "Review"),
    "video": Words("Video", "Video"),
    "social": Words("Soziales Netz", "Social network"),
    "mail": Words("E-Mail", "Mail"),
    "other": Words("Sonstiges", "Other"),
}
LANGUAGES: Final = {
    "de": Words("Deutsch", "German"),
    "en": Words("Englisch", "English"),
    "fr": Words("Französisch", "French"),
    "it": Words("Italienisch", "Italian"),
    "es": Words("Spanisch", "Spanish"),
    "pt": Words("Portugiesisch", "Portuguese"),
    "nl": Words("Niederländisch", "Dutch"),
    "pl": Words("Polnisch", "Polish"),
    "cs": Words("Tschechisch", "Czech"),
    "da": Words("Dänisch", "Danish"),
    "sv": Words("Schwedisch", "Swedish"),
    "tr": Words("Türkisch", "Turkish"),
    "und": Words("unbestimmt", "undetermined"),
}
