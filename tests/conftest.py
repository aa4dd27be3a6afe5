"""The servers that integration tests share, and what every test may ask for.

One Kafka and one Elasticsearch serve a whole run, on free ports, with data of their own. A test
that uses them owns what starts with its ``unique`` prefix, and nothing else.
"""

import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from agents import waits
from pipeline.settings import Settings
from pipeline.stack import Stack, spare
from tests.support.quick import QuickStack

SERVERS = {"integration", "e2e"}
SHARED = {f"test_{name}.py": name for name in ("compose", "roles", "secure")}
"""Files whose tests share servers of their own, which take long to start."""
# A busy machine is no fault of an example.
hypothesis.settings.register_profile("tests", deadline=None)
hypothesis.settings.load_profile("tests")

UNNOTICED = (
    r"ignore:Exception ignored in. <socket.socket [^>]*raddr=.'127.0.0.1', (2[0-9]|3[01])[0-9]{3}.>"
    ":pytest.PytestUnraisableExceptionWarning"
)
"""On a busy machine kafka-python forgets sockets to an embedded server, too, whose connecting it
has not taken notice of when a client is closed. Only tests on servers may."""
PATIENCE = 600  # seconds: enough on a busy machine, and where servers have to be downloaded


def pytest_configure() -> None:
    """Make the run independent of whoever starts it."""
    for name in list(os.environ):
        if name.startswith(("MENTIONS_", "OTEL_")) and name != "MENTIONS_CACHE":
            del os.environ[name]
    # Who is started in the background ignores Ctrl-C, and so would whoever it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests on servers are marked so, and get more time."""
    tests = Path(__file__).parent
    for item in items:
        if item.path.relative_to(tests).parts[0] in SERVERS:
            item.add_marker(pytest.mark.integration)
            item.add_marker(pytest.mark.filterwarnings(UNNOTICED))
            if not item.get_closest_marker("timeout"):
                item.add_marker(pytest.mark.timeout(PATIENCE))


class Scheduler(LoadScopeScheduling):
    """Any process takes any test, but those that share something to one."""

    def _split_scope(self, nodeid: str) -> str:
        return SHARED.get(Path(nodeid.partition("::")[0]).name, nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduler | None:
    """``--dist loadscope`` is ours; names of groups are lost between pytest 9.2 and xdist 3.8."""
    return Scheduler(config, log) if config.getvalue("dist") == "loadscope" else None


@pytest.fixture(autouse=True)
def no_waits() -> None:
    """Ports come back, and with them would come what a server of another test asked for."""
    waits.clear()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Both servers, up for the whole run."""
    stack = QuickStack(spare(tmp_path_factory.mktemp("stack")))
    stack.up()
    try:
        yield stack
    finally:
        stack.down()


@pytest.fixture(scope="session")
def settings(stack: Stack) -> Settings:
    """Settings that lead to the servers of this run."""
    return stack.settings


@pytest.fixture(scope="session")
def kafka_bootstrap(settings: Settings) -> str:
    return settings.kafka.bootstrap


@pytest.fixture(scope="session")
def elasticsearch_url(settings: Settings) -> str:
    return settings.elasticsearch.url


@pytest.fixture
def unique() -> str:
    """A prefix that no other test has; fit for topics and indices."""
    return f"t{uuid.uuid4().hex[:8]}"
