"""What stands on the page, in German and English."""

from typing import Final

from pipeline.kibana.words import CHANNELS, LABELS, Words

__all__ = ["CHANNELS", "LABELS", "TEXTS", "VERDICTS"]

VERDICTS: Final = {
    "relevant": Words("gehört dazu", "relevant"),
    "irrelevant": Words("gehört nicht dazu", "irrelevant"),
    **LABELS,
    "about": Words("handelt davon", "is about it"),
    "not-about": Words("falsches Thema", "not about it"),
    "no-entity": Words("kein Name", "no name"),
    "person": Words("Person", "person"),
    "organisation": Words("Organisation", "organisation"),
    "place": Words("Ort", "place"),
    "product": Words("Produkt", "product"),
    "brand": Words("Marke", "brand"),
    "work": Words("Werk", "work"),
    "event": Words("Ereignis", "event"),
    "other": Words("Sonstiges", "other"),
    "withdrawn": Words("zurücknehmen", "withdraw"),
}
"""What can be said, as it stands on its button."""

TEXTS: Final = {
    "title": Words("Erwähnung korrigieren", "Correct a mention"),
    "original": Words("Fundstelle", "original"),
    "by": Words("angemeldet als", "logged in as"),
    "text_tone": Words("Ton des Textes", "Tone of the text"),
    "topics": Words("Themen", "Topics"),
    "towards": Words("Ton dazu:", "tone towards it:"),
    "missed": Words("Thema, das fehlt", "A topic that was missed"),
    "names": Words("Namen", "Names"),
    "missed_name": Words("Name, der fehlt, wie er im Text steht", "A missed name, as in the text"),
    "is": Words("ist", "is"),
    "note": Words(
        "Warum? (für alle, die nach Ihnen kommen)", "Why? (for those who come after you)"
    ),
    "history": Words("Was schon gesagt wurde", "What was said before"),
    "was": Words("vorher", "before"),
    "nothing": Words("Noch nichts.", "Nothing yet."),
    "done": Words(
        "Gesagt und veröffentlicht. Im Index steht es in einigen Sekunden:",
        "Said and published. The index has it within seconds:",
    ),
    "away": Words(
        "Ein Server antwortet gerade nicht, wie er soll. Bitte in einigen Minuten noch einmal"
        " versuchen: doppelt gesagt ist einmal gesagt.",
        "A server does not answer as it should. Try again in some minutes: what is said twice"
        " is said once.",
    ),
    "long": Words("Das ist zu lang.", "This is too long."),
    "slow": Words(
        "Die Eingaben kamen nicht an. Bitte noch einmal versuchen.",
        "What you sent did not arrive. Please try again.",
    ),
    "unknown": Words("Diese Erwähnung ist nicht im Index.", "This mention is not in the index."),
    "forged": Words(
        "Dieses Formular kommt nicht von dieser Seite. Bitte neu öffnen und noch einmal versuchen.",
        "This form does not come from this page. Open it again and retry.",
    ),
    "no mark": Words(
        "Hier gibt es nichts zurückzunehmen.", "There is nothing here to be taken back."
    ),
    "no topic": Words("Dieses Thema gibt es hier nicht.", "There is no such topic here."),
    "no entity": Words("Dieser Name steht nicht im Text.", "This name does not stand in the text."),
    "unsaid": Words("Was ist falsch? Bitte wählen.", "What is wrong? Please choose."),
    "login": Words("Name und Token werden gebraucht.", "Name and token are needed."),
    "none": Words("unbestimmt", "undetermined"),
    "effect": Words(
        "Es gilt sofort, für alle, und bleibt, auch wenn neu ausgewertet wird.",
        "It counts at once, for all, and stays when the mention is enriched again.",
    ),
}
