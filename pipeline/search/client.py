"""The Elasticsearch clients, made in one place.

They never try again by themselves: who calls must see each answer, and the delivery loop waits and
repeats on its own terms. One attempt ends within ``TIMEOUT``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from elasticsearch import (
    ApiError,
    AsyncElasticsearch,
    AuthorizationException,
    Elasticsearch,
    TransportError,
)

from pipeline.errors import ConfigError, PipelineError, Retryable
from pipeline.settings import Elasticsearch as Settings

__all__ = ["TIMEOUT", "answers", "connect", "connect_sync", "explained"]

TIMEOUT: Final = 30.0
"""Seconds to wait for one answer: less than a Kafka session (60 s), so that a worker whose
Elasticsearch hangs keeps its partitions."""

_NOT_NOW: Final = (429, 502, 503, 504)  # for instance an index of this moment, without a shard
_DENIED: Final = (401, 403)


def connect(settings: Settings) -> AsyncElasticsearch:
    """A client for the running event loop. It connects when first used; close it when done."""
    return AsyncElasticsearch(**_arguments(settings))


def connect_sync(settings: Settings) -> Elasticsearch:
    """The same for code that may block. It connects when first used; close it when done."""
    return Elasticsearch(**_arguments(settings))


def _arguments(settings: Settings) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "hosts": [url.strip() for url in settings.url.split(",")],
        "request_timeout": TIMEOUT,
        "max_retries": 0,
        "retry_on_timeout": False,
    }
    if settings.ca_file:
        arguments["ca_certs"] = str(settings.ca_file)
    if settings.api_key:
        arguments["api_key"] = settings.api_key.get_secret_value()
    elif settings.username and settings.password:
        arguments["basic_auth"] = (settings.username, settings.password.get_secret_value())
    return arguments


@contextmanager
def explained(settings: Settings) -> Iterator[None]:
    """Turn the client's errors into one line that says what to do.

    Raises:
        Retryable: Elasticsearch does not answer, or not now.
        ConfigError: it refuses these credentials.
        PipelineError: it refuses the request.
    """
    try:
        yield
    except TransportError as error:
        msg = (
            f"Elasticsearch does not answer at {settings.url} ({_innermost(error.message)}): "
            "start it with 'mentions up', or set MENTIONS_ELASTICSEARCH__URL"
        )
        raise Retryable(msg) from error
    except ApiError as error:
        if error.status_code in _DENIED:
            msg = (
                f"Elasticsearch at {settings.url} refuses access ({error.status_code}): set "
                "MENTIONS_ELASTICSEARCH__API_KEY, or __USERNAME and __PASSWORD"
            )
            raise ConfigError(msg) from error
        msg = f"Elasticsearch at {settings.url}: {error}"
        if error.status_code in _NOT_NOW:
            raise Retryable(msg) from error
        raise PipelineError(msg) from error


def answers(settings: Settings) -> None:
    """Make sure that Elasticsearch is there, and lets these credentials in.

    Raises:
        Retryable: it does not answer, or not now.
        PipelineError: what answers is none, or refuses who is asking.
    """
    with explained(settings), connect_sync(settings) as client:
        try:
            client.cluster.health()  # the embedded server does not answer GET /
        except AuthorizationException:  # a writer's role holds no right to look at the cluster
            return


def _innermost(message: str) -> str:
    """``[Errno 111] Connection refused`` out of the layers around it."""
    return message.partition("\n")[0].rpartition(": ")[2]
