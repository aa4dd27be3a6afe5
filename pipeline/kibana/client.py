"""One way to talk to Kibana: kibana-api makes spaces and imports, kibana-py does the rest.

kibana-api knows neither API keys, nor certificates, nor a timeout, nor import flags; they are added
where it sends its requests.
"""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Self

import kibana_api
import requests
from kibana import Kibana as KibanaPy
from kibana.exceptions import ApiError, NotFoundError, TransportError

from pipeline.errors import ConfigError, PipelineError, Retryable
from pipeline.kibana.content import IMPORT, Request
from pipeline.settings import Kibana as Settings

__all__ = ["Client"]

_TIMEOUT: Final = 30.0
_SPACE: Final = "/api/spaces/space"
_DENIED: Final = (401, 403)
_BAD: Final = 400


class Client:
    """Sends requests, one after the other."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        key = settings.api_key.get_secret_value() if settings.api_key else None
        secret = settings.password.get_secret_value() if settings.password else None
        user = settings.username
        options: dict[str, Any] = {"ca_certs": str(settings.ca_file)} if settings.ca_file else {}
        if key:
            options["api_key"] = key
        elif user and secret:
            options["basic_auth"] = (user, secret)
        self._kibana = KibanaPy(
            hosts=[settings.url], request_timeout=_TIMEOUT, max_retries=0, **options
        )
        self._makers = _Makers(settings, key, user, secret)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._kibana.close()
        self._makers.session.close()

    def find(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """What is at a path; None where there is nothing.

        Raises:
            Retryable: Kibana does not answer.
            ConfigError: it refuses these credentials.
            PipelineError: it refuses the request.
        """
        with self._explained(Request("GET", path)):
            try:
                return self._kibana.perform_request("GET", path).body
            except NotFoundError:
                return None

    def send(self, request: Request) -> None:
        """Carry out a request; raises what ``find`` raises."""
        with self._explained(request):
            if request.path == _SPACE:
                self._makers.check(self._makers.space(**request.body).create())
            elif IMPORT in request.path:
                space = request.path.partition(IMPORT)[0].removeprefix("/s/")
                lines = "\n".join(json.dumps(line, ensure_ascii=False) for line in request.body)
                file = io.BytesIO(lines.encode())
                file.name = "mentions.ndjson"
                answer = self._makers.object(space_id=space or None).loads(file)
                said = self._makers.check(answer)
                if not said.get("success", True):
                    msg = f"Kibana did not import everything: {json.dumps(said.get('errors'))}"
                    raise PipelineError(msg)
            else:
                self._kibana.perform_request(request.method, request.path, body=request.body)

    @contextmanager
    def _explained(self, request: Request) -> Iterator[None]:
        url = self._settings.url
        try:
            yield
        except (TransportError, requests.RequestException) as error:
            msg = f"Kibana does not answer at {url} ({error}): set MENTIONS_KIBANA__URL"
            raise Retryable(msg) from error
        except ApiError as error:
            raise _refused(request, url, error.status_code, str(error.body)) from error
        except _RefusedError as error:
            raise _refused(request, url, error.status, error.said) from error


def _refused(request: Request, url: str, status: int, said: str) -> PipelineError:
    if status in _DENIED:
        msg = (
            f"Kibana at {url} refuses access ({status}): set MENTIONS_KIBANA__API_KEY, or "
            "__USERNAME and __PASSWORD"
        )
        return ConfigError(msg)
    return PipelineError(f"Kibana refuses {request.method} {request.path} ({status}): {said}")


class _RefusedError(Exception):
    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status
        self.said = said


class _Makers(kibana_api.Kibana):
    """kibana-api, with what its requests lack."""

    def __init__(
        self, settings: Settings, key: str | None, user: str | None, password: str | None
    ) -> None:
        super().__init__(base_url=settings.url.rstrip("/") + "/")
        self.session = requests.Session()
        self.session.headers["kbn-xsrf"] = "true"
        if key:
            self.session.headers["Authorization"] = f"ApiKey {key}"
        elif user and password:
            self.session.auth = (user, password)
        if settings.ca_file:
            self.session.verify = str(settings.ca_file)

    def requester(self, **request: Any) -> requests.Response:  # noqa: ANN401 - kibana-api's
        """Send what kibana-api has put together."""
        if "files" in request:
            request["params"] = {"overwrite": "true"}  # a second import is an upgrade
        else:
            request["headers"] = {"content-type": "application/json"}
        return self.session.request(**request, timeout=_TIMEOUT)

    def check(self, answer: requests.Response) -> dict[str, Any]:
        """What Kibana says, unless it is a refusal."""
        if answer.status_code >= _BAD:
            raise _RefusedError(answer.status_code, answer.text)
        return dict(answer.json())
