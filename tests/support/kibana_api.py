"""A Kibana on loopback that remembers what it was given, and refuses what the real one would."""

import importlib.util
import json
import re
import threading
import warnings
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Final, Self

__all__ = ["VALIDATOR", "Check", "KibanaApi", "remembering", "validator"]

VALIDATOR: Final = Path(__file__).parents[2].parent / "shared" / "kibana" / "validate.py"
"""Checks requests against Kibana's API; it may not be passed on and lies beside the checkout."""

Json = dict[str, Any]
Check = Callable[..., tuple[int, str | None, list[str]]]


def validator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("kibana_validate", VALIDATOR)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves a file to be closed
        spec.loader.exec_module(module)
    return module


def remembering(check: Check) -> Check:
    """The same answers, but each is worked out once: that takes a tenth of a second."""
    known: dict[str, tuple[int, str | None, list[str]]] = {}

    def remembered(
        method: str, path: str, body: Any, headers: dict[str, str]
    ) -> tuple[int, str | None, list[str]]:
        names = sorted(name.lower() for name in headers)
        key = json.dumps([method, path, body, names])
        if key not in known:
            known[key] = check(method, path, body, headers)
        return known[key]

    return remembered


class KibanaApi:
    """Spaces, and in each what was put there, by kind and id."""

    def __init__(self, check: Check | None) -> None:
        self.spaces: dict[str, Json] = {"default": {"id": "default", "name": "Default"}}
        self.kept: dict[tuple[str, str], dict[str, Json]] = {}
        self.writes: list[tuple[str, str]] = []
        self.authorization: set[str | None] = set()
        self._check = check
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # headers and body in one packet, or the client waits for the second

            def _answer(self) -> None:
                raw = self.rfile.read(int(self.headers.get("content-length") or 0))
                status, body = outer.answer(self.command, self.path, dict(self.headers), raw)
                content = json.dumps(body).encode() if body is not None else b""
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - http.server's names

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def of(self, kind: str, space: str = "default") -> dict[str, Json]:
        return self.kept.setdefault((space, kind), {})

    def answer(
        self, method: str, path: str, headers: dict[str, str], raw: bytes
    ) -> tuple[int, Any]:
        self.authorization.add({k.lower(): v for k, v in headers.items()}.get("authorization"))
        is_json = "json" in next((v for k, v in headers.items() if k.lower() == "content-type"), "")
        body = json.loads(raw) if raw and is_json else None
        if self._check:
            code, _, errors = self._check(method, path, body, headers)
            if code >= 400:
                return code, {"statusCode": code, "message": "; ".join(errors)}
        if method != "GET":
            self.writes.append((method, path))
        found = re.fullmatch(r"(?:/s/([^/]+))?(/api/[^?]*)(?:\?.*)?", path)
        assert found, path
        space, route = found[1] or "default", found[2]
        if space not in self.spaces:
            return 404, {"statusCode": 404, "message": "no such space"}
        for pattern, handle in _ROUTES:
            if match := re.fullmatch(pattern, f"{method} {route}"):
                return handle(
                    self, space, match.groupdict().get("id", ""), body if is_json else raw
                )
        return 404, {"statusCode": 404, "message": f"the mock knows no {method} {route}"}

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


Handle = Callable[[KibanaApi, str, str, Any], tuple[int, Any]]


def _get(kind: str, wrap: Callable[[str, Json], Any]) -> Handle:
    def handle(api: KibanaApi, space: str, name: str, _: Any) -> tuple[int, Any]:
        found = api.of(kind, space).get(name)
        return (200, wrap(name, found)) if found else (404, {"statusCode": 404, "message": name})

    return handle


def _keep(kind: str, *, new: bool | None = None) -> Handle:
    """``new``: whether it must not, or must, exist already; a PUT then changes a part."""

    def handle(api: KibanaApi, space: str, name: str, body: Any) -> tuple[int, Any]:
        kept = api.of(kind, space)
        if new is True and any(name in things for (_, k), things in api.kept.items() if k == kind):
            return 409, {"statusCode": 409, "message": f"{name} exists"}
        if new is False and name not in kept:
            return 404, {"statusCode": 404, "message": name}
        # Like the real one, it adds what was left open.
        kept[name] = {**kept.get(name, {}), **body, "added": True}
        return 200, {"id": name}

    return handle


def _drop(kind: str) -> Handle:
    def handle(api: KibanaApi, space: str, name: str, _: Any) -> tuple[int, Any]:
        if api.of(kind, space).pop(name, None) is None:
            return 404, {"statusCode": 404, "message": name}
        return 200, {}

    return handle


def _list(
    kind: str, wrap: Callable[[list[Json]], Any], each: Callable[[str, Json], Json]
) -> Handle:
    def handle(api: KibanaApi, space: str, _: str, __: Any) -> tuple[int, Any]:
        return 200, wrap([each(name, body) for name, body in api.of(kind, space).items()])

    return handle


def _status(_: KibanaApi, __: str, ___: str, ____: Any) -> tuple[int, Any]:
    return 200, {"version": {"number": "9.2.0"}, "status": {"overall": {"level": "available"}}}


def _space(api: KibanaApi, _: str, name: str, __: Any) -> tuple[int, Any]:
    found = api.spaces.get(name)
    return (200, found) if found else (404, {"statusCode": 404, "message": name})


def _new_space(api: KibanaApi, _: str, __: str, body: Any) -> tuple[int, Any]:
    api.spaces[body["id"]] = body
    return 200, body


def _view(api: KibanaApi, space: str, _: str, body: Any) -> tuple[int, Any]:
    view = body["data_view"]
    api.of("view", space)[view["id"]] = view
    return 200, {"data_view": view}


def _import(api: KibanaApi, space: str, _: str, raw: bytes) -> tuple[int, Any]:
    lines = re.findall(rb"^\{.*\}\r?$", raw, re.MULTILINE)
    for line in lines:
        saved = json.loads(line)
        api.of(saved["type"], space)[saved["id"]] = saved
    return 200, {"success": bool(lines), "successCount": len(lines)}


def _bulk_delete(api: KibanaApi, space: str, _: str, body: Any) -> tuple[int, Any]:
    for each in body:
        api.of(each["type"], space).pop(each["id"], None)
    return 200, {"statuses": []}


def _flat(name: str, body: Json) -> Json:
    return {"id": name, **body}


def _dashboard(name: str, body: Json) -> Json:
    return {"id": name, "data": body, "meta": {}}


_ID = "(?P<id>[^/]+)"
_RULE = f"/api/alerting/rule/{_ID}"
_CONNECTOR = f"/api/actions/connector/{_ID}"
_ROUTES: Final[tuple[tuple[str, Handle], ...]] = (
    ("GET /api/status", _status),
    ("POST /api/spaces/space", _new_space),
    (f"GET /api/spaces/space/{_ID}", _space),
    ("POST /api/data_views/data_view", _view),
    ("GET /api/data_views", _list("view", lambda each: {"data_view": each}, _flat)),
    (f"GET /api/data_views/data_view/{_ID}", _get("view", lambda _, body: {"data_view": body})),
    (f"DELETE /api/data_views/data_view/{_ID}", _drop("view")),
    ("POST /api/saved_objects/_import", _import),
    ("POST /api/saved_objects/_bulk_delete", _bulk_delete),
    ("GET /api/saved_objects/_find", _list("search", lambda each: {"saved_objects": each}, _flat)),
    (f"GET /api/saved_objects/search/{_ID}", _get("search", _flat)),
    (f"GET {_RULE}", _get("rule", _flat)),
    (f"POST {_RULE}", _keep("rule", new=True)),
    (f"PUT {_RULE}", _keep("rule", new=False)),
    (f"DELETE {_RULE}", _drop("rule")),
    ("GET /api/alerting/rules/_find", _list("rule", lambda each: {"data": each}, _flat)),
    (f"GET {_CONNECTOR}", _get("connector", _flat)),
    (f"POST {_CONNECTOR}", _keep("connector", new=True)),
    (f"PUT {_CONNECTOR}", _keep("connector", new=False)),
    (f"DELETE {_CONNECTOR}", _drop("connector")),
    ("GET /api/actions/connectors", _list("connector", lambda each: each, _flat)),
    (f"GET /api/dashboards/{_ID}", _get("dashboard", _dashboard)),
    (f"PUT /api/dashboards/{_ID}", _keep("dashboard")),
    (f"DELETE /api/dashboards/{_ID}", _drop("dashboard")),
    ("GET /api/dashboards", _list("dashboard", lambda each: {"dashboards": each}, _dashboard)),
)
