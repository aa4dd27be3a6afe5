"""Files for those who may not let a program into their Kibana.

* ``mentions.ndjson``: data views, Discover sessions and dashboards, for *Stack Management → Saved
  Objects → Import*.
* ``console.txt``: everything that is no saved object of its own there (space, connector, rules),
  for *Dev Tools → Console*; the dashboards once more, in Kibana's public form, which is checked.
"""

import json
from typing import Any

from pipeline.kibana.content import IMPORT, Request
from pipeline.kibana.dashboards import ALL
from pipeline.kibana.data_views import VIEWS, View, data_view
from pipeline.kibana.install import everything
from pipeline.kibana.names import Place
from pipeline.kibana.parts import Json
from pipeline.kibana.saved import objects

__all__ = ["files"]


def files(place: Place) -> dict[str, str]:
    """Each file's name and content."""
    requests = list(everything(place))
    sessions = [line for request in requests if IMPORT in request.path for line in request.body]
    lines = [
        *(_saved_view(view, place) for view in VIEWS),
        *sessions,
        *(
            made
            for dashboard in ALL
            if dashboard.for_teams or not place.team
            for made in objects(dashboard, place)
        ),
    ]
    others = [request for request in requests if IMPORT not in request.path]
    return {
        "mentions.ndjson": "".join(_line(line) + "\n" for line in lines),
        "console.txt": "\n\n".join(map(_console, others)) + "\n",
    }


def _console(request: Request) -> str:
    return f"{request.method} kbn:{request.path}\n{_line(request.body)}"


def _saved_view(view: View, place: Place) -> Json:
    made = data_view(view, place)
    return {
        "type": "index-pattern",
        "id": made["id"],
        "attributes": {
            "title": made["title"],
            "name": made["name"],
            "timeFieldName": made["timeFieldName"],
            "fieldAttrs": _line(made["fieldAttrs"]),
            "fieldFormatMap": _line(made["fieldFormats"]),
            "fields": "[]",
            "runtimeFieldMap": "{}",
            "sourceFilters": "[]",
        },
        "references": [],
        "coreMigrationVersion": "8.8.0",
        "typeMigrationVersion": "8.0.0",
    }


def _line(value: Any) -> str:  # noqa: ANN401 - JSON
    return json.dumps(value, ensure_ascii=False)
