"""The Faust app of one stage: one process, one consumer group member.

The consumer group is the stage's own, so that stages scale and restart apart from each other.
Faust brings the consumer, its assignor and rebalancing; reading and acknowledging is
``pipeline.delivery``'s alone.
"""

import logging
import os
import ssl
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import faust
import mode.loop
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from faust.types import TP
from faust.types.auth import CredentialsT
from tenacity import RetryCallState, retry, retry_if_exception_type, wait_random_exponential

from agents.turning import EX_STUCK, STOP_WITHIN, reachable
from pipeline import metrics
from pipeline.awake import Awake
from pipeline.compression import compress_fast
from pipeline.consumer import PollTransport
from pipeline.delivery import Delivery, Record, Stage
from pipeline.figures import Meter
from pipeline.garbage import spare_collector
from pipeline.health import Health, pages
from pipeline.parting import part
from pipeline.settings import REQUEST_LIMIT, Kafka, Settings
from schemas import topics

__all__ = ["App", "run"]

_log = logging.getLogger(__name__)

_SESSION_TIMEOUT: Final = 10.0  # seconds after which a dead worker's partitions move on
_COMMIT_INTERVAL: Final = 0.5
_POLLS_AHEAD: Final = 2
_FETCHED_AHEAD: Final = 131_072
"""Bytes of each partition, compressed, that are fetched at once: some 700 mentions. Where there is
lag all partitions are full, and the client holds what came of them three times over."""
_SENT_AT_ONCE: Final = 1_048_576
"""Bytes for each partition, before compression, that one request takes to the broker; what is more
waits for its answer. Where there is lag all mentions of a poll stand in one partition, and so do
what becomes of them: some 0.9 MB. More than this a broker takes only if it is told to."""
_ASLEEP: Final = 7.0
"""Seconds of standing still after which a session may be over: the last heartbeat was sent up to a
quarter of it before."""
_LOOK_EVERY: Final = 2.0  # seconds between two looks at lag and progress
_FIGURES_FIRST: Final = 2.0  # seconds after the start: that it is there is a figure, too
_FIGURES_EVERY: Final = 60.0
_DAY: Final = 86_400.0


class App(faust.App):
    """A Faust app that runs one stage through the delivery loop."""

    logger = logging.getLogger("faust.app")  # Faust would name it after this module

    def __init__(
        self, stage: Stage, settings: Settings, datadir: Path, parent: int | None = None
    ) -> None:
        kafka = settings.kafka
        super().__init__(
            kafka.group(stage.name),
            broker=[f"kafka://{server.strip()}" for server in kafka.bootstrap.split(",")],
            broker_credentials=_credentials(kafka),
            broker_session_timeout=_SESSION_TIMEOUT,
            broker_heartbeat_interval=_SESSION_TIMEOUT / 4,
            broker_commit_interval=_COMMIT_INTERVAL,
            # An outage is waited out inside a batch; that is no reason to leave the group.
            broker_max_poll_interval=_DAY,
            broker_max_poll_records=min(
                settings.worker.batch, getattr(stage, "at_once", settings.worker.batch)
            ),
            consumer_auto_offset_reset="earliest",
            consumer_max_fetch_size=_FETCHED_AHEAD,
            stream_buffer_maxsize=_POLLS_AHEAD,
            autodiscover=False,
            datadir=str(datadir),
            topic_allow_declare=False,  # the table of topics is the only place that creates any
            topic_disable_leader=True,
            web_enabled=bool(settings.worker.port),
            web_bind=settings.worker.host,
            web_port=settings.worker.port or None,
            web_stats_enabled=False,
            web_graph_enabled=False,
            web_router_enabled=False,
            web_tables_enabled=False,
            web_metrics_enabled=False,
        )
        self._stage = stage
        sources = [kafka.topic(topic) for topic in (stage.source, *getattr(stage, "beside", ()))]
        self._settings = settings
        self._parent = parent
        self._seen_alive = time.monotonic()
        self._producer_options = kafka.aiokafka()
        # None until the first broker has answered: who is told to stop earlier parts with nothing.
        self._output: AIOKafkaProducer | None = None
        self._delivery: Delivery | None = None
        self.agent(
            self.topic(*sources, key_type=bytes, value_type=bytes, value_serializer="raw"),
            name=stage.name,
            concurrency=1,
        )(self._agent)
        self.task()(self._watch)
        self.task()(self._report)
        pages(self, self)

    async def on_start(self) -> None:
        """Make what needs the event loop before the first message comes."""
        self._output = output = await _producer(self._producer_options)
        _guard(output, Awake(_ASLEEP, self._slept))
        self._delivery = Delivery(
            self._stage,
            output,
            dead_letters=self._settings.kafka.topic(topics.DEAD_LETTER),
        )
        await self._stage.start()
        await super().on_start()

    async def stop(self) -> None:
        """Finish the batch in hand, commit, leave the group: within ``STOP_WITHIN``.

        Each part of Faust waits for its own last answer, up to a minute where none comes.
        """
        limit = threading.Timer(STOP_WITHIN, self._cut_short)
        limit.daemon = True
        limit.start()
        await super().stop()

    def _cut_short(self) -> None:
        # Nothing is lost by it: what is not acknowledged is read again.
        _log.warning("%s: not over %.0f s after SIGTERM: exiting", self._stage.name, STOP_WITHIN)
        os._exit(EX_STUCK)

    def _slept(self, seconds: float) -> None:
        # What it had not acknowledged is read again, by whoever has the partitions now.
        _log.warning("%s: was suspended for %.0f s: exiting", self._stage.name, seconds)
        os._exit(EX_STUCK)

    async def on_shutdown(self) -> None:
        """Let go of connections after the last commit."""
        await super().on_shutdown()
        if self._output is not None:
            await self._stage.close()
            await part(self._output)

    async def _agent(self, stream: Any) -> None:  # noqa: ANN401 - Faust has no types
        assert self._delivery is not None  # noqa: S101 - agents start after on_start
        events = stream.noack().events()
        await self._delivery.run(_Polled(event) async for event in events)

    async def _on_partitions_revoked(self, revoked: set[TP]) -> None:
        # Before Faust waits for the batch in hand: one that waits for an outage to end would make
        # the rebalance of the whole group wait too.
        assert self._delivery is not None  # noqa: S101 - as above
        self._delivery.let_go()
        await super()._on_partitions_revoked(revoked)
        self._delivery.take_up()

    async def _stop_consumer(self) -> None:
        if self._delivery is not None:
            self._delivery.let_go()
        await super()._stop_consumer()

    def health(self) -> Health:
        """How this process is now."""
        lag = sum(behind for behind, _ in self.consumer.lag().values())
        still = time.monotonic() - self._seen_alive
        partitions = len(self.consumer.assignment())
        waiting_for = self._delivery.waiting_for if self._delivery else "Kafka"
        return Health(
            stage=self._stage.name,
            live=still < self._settings.worker.stuck_after,
            ready=partitions > 0 and waiting_for is None and not self.rebalancing,
            partitions=partitions,
            lag=lag,
            seconds_since_progress=round(still, 1),
            waiting_for=waiting_for,
        )

    async def _watch(self) -> None:
        """Export lag, and see that it is being worked on."""
        threading.Thread(target=self._watchdog, name="watchdog", daemon=True).start()
        before: object = None
        while not self.should_stop:
            found = self.consumer.lag()
            lag = sum(behind for behind, _ in found.values())
            committed = {tp: offset for tp, (_, offset) in found.items()}
            now = (self._delivery and self._delivery.beats, committed)
            if lag == 0 or now != before:
                self._seen_alive = time.monotonic()
            before = now
            metrics.LAG.labels(self._stage.name).set(lag)
            age = time.monotonic() - self._seen_alive
            metrics.PROGRESS_AGE.labels(self._stage.name).set(age)
            await self.sleep(_LOOK_EVERY)

    async def _report(self) -> None:
        """Say once a minute what was done, see ``pipeline.figures``."""
        meter = Meter(self._stage.name)
        topic = self._settings.kafka.topic(topics.FIGURES)
        assert self._output is not None  # noqa: S101 - tasks start after on_start
        await self.sleep(_FIGURES_FIRST)
        while not self.should_stop:
            now = self.health()
            value, counted = meter.read(now.lag, now.waiting_for)
            try:
                await self._output.send_and_wait(topic, value, meter.key)
            except KafkaError as error:  # they stay in the counters: said next time
                _log.debug("%s: no figures: %r", self._stage.name, error)
            else:
                meter.confirmed(counted)
            await self.sleep(_FIGURES_EVERY)

    def _new_transport(self) -> PollTransport:
        return PollTransport(self.conf.broker_consumer, self)

    def _watchdog(self) -> None:
        """Exit a process that has lag and moves nothing, or whose event loop stands still.

        A thread, because a stuck event loop cannot look after itself. While no broker can be
        reached, nothing moves anywhere: that is an outage, to be waited out.
        """
        limit = self._settings.worker.stuck_after
        while not self.should_stop:
            time.sleep(_LOOK_EVERY)
            if self._parent is not None and os.getppid() != self._parent:
                _log.warning("%s: the supervisor is gone: exiting", self._stage.name)
                os._exit(EX_STUCK)
            still = time.monotonic() - self._seen_alive
            if still > limit and not reachable(self._settings.kafka.bootstrap):
                _log.warning("%s: no broker can be reached: waiting", self._stage.name)
                self._seen_alive = time.monotonic()
            elif still > limit:
                _log.critical("%s: no progress for %.0f s: exiting", self._stage.name, still)
                os._exit(EX_STUCK)


class _Polled:
    """A poll as the delivery loop wants it."""

    def __init__(self, event: Any) -> None:  # noqa: ANN401 - Faust has no types
        self._event = event
        self.records: Sequence[Record] = event.message.records

    def ack(self) -> None:
        self._event.message.deliver()
        self._event.ack()

    def leave(self) -> None:
        self._event.ack()


def run(stage: Stage, settings: Settings, *, parent: int | None = None) -> None:
    """Run a stage in this process until it is told to stop; leaves through ``SystemExit``.

    Args:
        stage: what to run.
        settings: how to reach the servers, and how much to take at once.
        parent: the process id of a supervisor, without which this process ends too.
    """
    mode.loop.use("uvloop")
    spare_collector()
    compress_fast()
    with tempfile.TemporaryDirectory(prefix="mentions-") as datadir:
        app = App(stage, settings, Path(datadir), parent)
        faust.Worker(
            app, override_logging=False, redirect_stdouts=False, quiet=True, daemon=True
        ).execute_from_commandline()


def _say(state: RetryCallState) -> None:
    if state.outcome is not None:
        _log.warning("Kafka does not answer, waiting: %s", state.outcome.exception())


@retry(
    retry=retry_if_exception_type(KafkaError),
    wait=wait_random_exponential(multiplier=0.5, max=30),
    before_sleep=_say,
)
async def _producer(options: dict[str, Any]) -> AIOKafkaProducer:
    """A producer for outputs, as soon as a broker answers."""
    producer = AIOKafkaProducer(
        **options,
        acks="all",
        enable_idempotence=True,
        compression_type="lz4",
        # A stage hands over all outputs of a batch at once: there is nothing to linger for.
        max_batch_size=_SENT_AT_ONCE,
        # The broker judges what is compressed, the client what is not: let the broker judge.
        max_request_size=REQUEST_LIMIT,
    )
    try:
        await producer.start()
    except BaseException:
        await producer.stop()
        raise
    return producer


def _guard(producer: AIOKafkaProducer, awake: Awake) -> None:
    """Let a producer send nothing after a sleep: its buffer may be older than that."""
    send = producer.client.send

    async def guarded(node: int, request: Any, **options: Any) -> Any:  # noqa: ANN401 - aiokafka's own
        awake.look()
        return await send(node, request, **options)

    producer.client.send = guarded


def _credentials(kafka: Kafka) -> CredentialsT | None:
    context: ssl.SSLContext | None = kafka.ssl_context()
    if kafka.security.startswith("SASL"):
        return faust.SASLCredentials(
            username=kafka.username,
            password=kafka.password and kafka.password.get_secret_value(),
            ssl_context=context,
            mechanism=kafka.sasl_mechanism,
        )
    return faust.SSLCredentials(context) if context else None
