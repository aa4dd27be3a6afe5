"""What people read, in German and English, side by side."""

from typing import Final, Literal, TypeAlias

from msgspec import Struct

__all__ = [
    "ALERT_RULES",
    "CHANNELS",
    "INTENTS",
    "LABELS",
    "LANGUAGES",
    "PERSON_KINDS",
    "PRIORITIES",
    "SEVERITIES",
    "STATES",
    "TONE_COLOURS",
    "Lang",
    "Words",
]

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
ALERT_RULES: Final = {
    "leak": Words("Leck", "Leak"),
    "crisis": Words("Krise", "Crisis"),
    "spike": Words("Ausschlag", "Spike"),
    "term": Words("Neues Wort", "New term"),
    "sentiment": Words("Ton kippt", "Tone shifts"),
    "silence": Words("Stille", "Silence"),
    "incomplete": Words("Nicht zu beurteilen", "Cannot be judged"),
    "author": Words("Große Reichweite", "Large reach"),
    "rating": Words("Sterne fallen", "Rating falls"),
}
SEVERITIES: Final = {
    "critical": Words("dringend", "critical"),
    "warning": Words("Warnung", "warning"),
    "info": Words("Hinweis", "info"),
}
STATES: Final = {
    "new": Words("neu", "new"),
    "assigned": Words("vergeben", "assigned"),
    "answered": Words("beantwortet", "answered"),
    "dismissed": Words("verworfen", "dismissed"),
}
PRIORITIES: Final = {
    "high": Words("hoch", "high"),
    "normal": Words("normal", "normal"),
    "low": Words("niedrig", "low"),
}
PERSON_KINDS: Final = {
    "journalist": Words("Presse", "Journalist"),
    "blogger": Words("Blog", "Blogger"),
    "forum regular": Words("Stammgast im Forum", "Forum regular"),
    "helper": Words("hilft anderen", "Helper"),
    "voice": Words("Stimme", "Voice"),
}
INTENTS: Final = {
    "question": Words("Frage", "Question"),
    "complaint": Words("Beschwerde", "Complaint"),
    "praise": Words("Lob", "Praise"),
    "purchase": Words("Kaufabsicht", "Means to buy"),
    "help": Words("braucht Hilfe", "Wants help"),
}
