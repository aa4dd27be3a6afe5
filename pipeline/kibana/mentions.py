"""A list of mentions, or of another view's documents: as a panel, and as a Discover session."""

import json

from msgspec import Struct

from pipeline.kibana.data_views import MENTIONS, View
from pipeline.kibana.names import Place
from pipeline.kibana.parts import Groups, Json, Measure
from pipeline.kibana.words import Words

__all__ = ["Mentions"]

_COLUMNS = ("sentiment.label", "channel", "author.name", "topics", "title", "text", "url")


class Mentions(Struct, frozen=True, kw_only=True):
    """The mentions that a query finds."""

    title: Words
    view: View = MENTIONS
    query: str = ""
    columns: tuple[str, ...] = _COLUMNS
    sort: tuple[tuple[str, str], ...] = (("published_at", "desc"),)
    name: str = ""
    """For a Discover session: its part of the id."""
    about: Words = Words("", "")
    groups: tuple[Groups, ...] = ()
    measures: tuple[Measure, ...] = ()
    time: None = None

    def json(self, place: Place) -> Json:
        """Kibana's panel."""
        tab = {
            "data_source": {"type": "data_view_reference", "ref_id": self.view.id(place)},
            "query": {"language": "lucene", "expression": self.view.narrowed(self.query, place)},
            "column_order": list(self.columns),
            "sort": [{"name": name, "direction": direction} for name, direction in self.sort],
            "row_height": 3,
        }
        return {
            "type": "discover_session",
            "config": {"title": self.title[place.lang], "tabs": [tab]},
        }

    def saved(self, place: Place) -> Json:
        """The saved object of a Discover session, in the form that Kibana 8.16 and later import."""
        index = "kibanaSavedObjectMeta.searchSourceJSON.index"
        source = {
            "query": {"language": "lucene", "query": self.view.narrowed(self.query, place)},
            "filter": [],
            "indexRefName": index,
        }
        return {
            "type": "search",
            "id": place.id(self.name),
            "attributes": {
                "title": self.title[place.lang],
                "description": self.about[place.lang],
                "columns": list(self.columns),
                "sort": [list(pair) for pair in self.sort],
                "grid": {},
                "hideChart": False,
                "isTextBasedQuery": False,
                "timeRestore": False,
                "kibanaSavedObjectMeta": {"searchSourceJSON": json.dumps(source)},
            },
            "references": [{"id": self.view.id(place), "name": index, "type": "index-pattern"}],
            "coreMigrationVersion": "8.8.0",
            "typeMigrationVersion": "10.5.0",
        }
