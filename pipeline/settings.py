"""All settings, typed and frozen: ``mentions.toml`` says what is watched, the environment the rest.

Sources of a value, the first that has it wins: environment (``MENTIONS_KAFKA__BOOTSTRAP``), a file
in ``MENTIONS_SECRETS_DIR`` (``kafka__password``), ``mentions.toml``, the default here. Secrets are
taken from the environment and from files only. Unknown keys are refused.
"""

import difflib
import os
import ssl
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from pipeline.errors import ConfigError
from schemas.alert import AlertRule
from schemas.mention import IntentKind
from schemas.topics import RAW, Topic

__all__ = [
    "REQUEST_LIMIT",
    "Agent",
    "Alerts",
    "Elasticsearch",
    "Enrichment",
    "Kafka",
    "Kibana",
    "NotifyChannel",
    "Own",
    "Page",
    "PagePerson",
    "Privacy",
    "Retention",
    "Route",
    "SecondPass",
    "Settings",
    "Stack",
    "WatchTopic",
    "Work",
    "Worker",
    "explain",
    "load",
    "mistakes",
]

_SECRETS = {
    ("kafka", "password"),
    ("elasticsearch", "password"),
    ("elasticsearch", "api_key"),
    ("kibana", "password"),
    ("kibana", "api_key"),
    ("privacy", "salt"),
}

_HOURS = r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$"

Language: TypeAlias = Annotated[str, Field(pattern="^[a-z]{2}$")]
Label: TypeAlias = Literal["negative", "neutral", "positive"]

REQUEST_LIMIT: Final = 128 << 20
"""Bytes before compression that a producer may send at once."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Kafka(_Table):
    """How to reach Kafka."""

    bootstrap: str = "127.0.0.1:9092"
    """Comma-separated ``host:port``."""
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    username: str | None = None
    password: SecretStr | None = None
    ca_file: Path | None = None
    """Certificates to trust; the system's by default."""
    cert_file: Path | None = None
    """This client's certificate, for mutual TLS."""
    key_file: Path | None = None
    replication: Annotated[int, Field(ge=1, le=7)] = 1
    """Copies of each partition in topics that are created."""
    partitions: Annotated[int, Field(ge=1, le=1_000)] = RAW.partitions
    """Of ``mentions.raw`` and ``mentions.enriched``: how many processes of a stage can share the
    work. ``mentions topics grow`` changes it for topics that exist."""
    prefix: Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{0,50}$")] = ""
    """Goes before every topic and consumer group, for a cluster shared with others."""

    def topic(self, topic: Topic) -> str:
        """The name of a topic on this cluster."""
        return self.prefix + topic.name

    def group(self, role: str) -> str:
        """The name of a consumer group on this cluster."""
        return f"{self.prefix}mentions-{role}"

    def aiokafka(self) -> dict[str, Any]:
        """Connection options in aiokafka's words."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": self.security,
        }
        if self.security.startswith("SASL"):
            options["sasl_mechanism"] = self.sasl_mechanism
            options["sasl_plain_username"] = self.username
            options["sasl_plain_password"] = self.password and self.password.get_secret_value()
        if context := self.ssl_context():
            options["ssl_context"] = context
        return options

    def kafka_python(self) -> dict[str, Any]:
        """Connection options in kafka-python's words, which are the same."""
        return self.aiokafka()

    def ssl_context(self) -> ssl.SSLContext | None:
        """What TLS trusts and shows; None where no TLS is used."""
        if not self.security.endswith("SSL"):
            return None
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.cert_file:
            context.load_cert_chain(self.cert_file, self.key_file)
        return context


class Elasticsearch(_Table):
    """How to reach Elasticsearch."""

    url: str = "http://127.0.0.1:9200"
    """Comma-separated URLs of the nodes."""
    username: str | None = None
    password: SecretStr | None = None
    api_key: SecretStr | None = None
    ca_file: Path | None = None
    replicas: Annotated[int, Field(ge=0, le=5)] = 0
    """Copies of each shard in indices that are created."""
    shards: Annotated[int, Field(ge=1, le=100)] = 1
    """Shards of each monthly index that is created: one for 30 million mentions, or 40 GB."""
    refresh: str = "1s"
    """How soon a written mention can be found."""
    lifecycle: bool = False
    """Let older months move to warm and cold nodes, and end by ``retention.index_months``, by
    Elasticsearch's index life-cycle management, where it has that."""
    alias: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,50}$")] = "mentions"
    """Finds all mentions; the monthly indices are named ``<alias>-YYYY.MM``."""


class Kibana(_Table):
    """How to reach Kibana; only ``mentions kibana`` and ``mentions check`` do."""

    url: str = "http://127.0.0.1:5601"
    username: str | None = None
    password: SecretStr | None = None
    api_key: SecretStr | None = None
    ca_file: Path | None = None
    """Certificates to trust; the system's by default."""


class Enrichment(_Table):
    """What is found out about a mention, and by what."""

    languages: Annotated[tuple[Language, ...], Field(min_length=1)] = (
        "de", "en", "fr", "it", "es", "pt", "nl", "pl", "cs", "da", "sv", "tr",
    )  # fmt: skip
    """The languages that mentions are expected in; all others become ``und``."""
    language_backend: Literal["eldc", "langdetect"] = "eldc"
    sentiment_backends: dict[Language, Literal["trained", "lexicon", "textblob"]] = dict.fromkeys(
        ("de", "en", "fr", "it", "es", "pt"), "trained"
    )
    """Which backend judges the tone of which language."""
    name_backend: Literal["builtin", "corenlp", "spacy", "none"] = "builtin"
    """What finds persons, organisations and places that are on no list (German and English)."""
    corenlp: str = "http://127.0.0.1:9010"
    """Where the sidecar of ``mentions up --ner`` listens, for the backend of that name."""
    spacy_models: dict[Language, str] = {}
    """For the backend ``spacy``: an installed model's name or folder for each language."""
    entities: Path | None = None
    """A file of names with aliases and ids, by convention ``entities.toml``."""
    stories_window: Annotated[int, Field(ge=0, le=5_000_000)] = 150_000
    """Fingerprints in which near copies are looked for, some 0.29 kB each; 0 looks for none."""


class SecondPass(_Table):
    """Which mentions the stage ``refine`` looks at again, with a heavier model; any reason will do.

    It needs the extra ``second``, and reads 15 to 30 mentions a second and processor.
    """

    on: bool = False
    unsure: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Below which confidence of the first pass."""
    followers: Annotated[int, Field(ge=1)] = 10_000
    """From which reach of the author on."""
    routed: bool = True
    """Whether mentions that a team gets are."""


class Own(_Table):
    """Who speaks for us, so that it can be told from what others say."""

    accounts: tuple[str, ...] = ()
    """Handles, ids or profile pages; ``mastodon:name`` for one type of source only."""
    staff: tuple[str, ...] = ()
    """The same, for people who work here."""
    sites: tuple[str, ...] = ()
    """Host names; their subdomains count, too."""


class WatchTopic(_Table):
    """Something to listen for."""

    topic: Annotated[str, Field(min_length=1, max_length=100)]
    kind: Literal["brand", "product", "theme", "competitor", "person", "campaign", "confidential"]
    terms: tuple[Annotated[str, Field(min_length=2)], ...] = ()
    """Words, phrases, ``#hashtags`` and ``@handles``; any of them makes a match."""
    case_sensitive: bool = False
    """Of the terms; in a query each term says so itself."""
    query: Annotated[str, Field(min_length=1)] | None = None
    """What else makes a match, in the language of ``docs/watchlist.en.md``."""

    @model_validator(mode="after")
    def _looks_for_something(self) -> "WatchTopic":
        if not self.terms and self.query is None:
            msg = f"topic {self.topic!r} has neither terms nor a query"
            raise ValueError(msg)
        return self


class Route(_Table):
    """Which mentions a team gets. Conditions that are left out let everything through."""

    team: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]{0,62}$")]
    topics: tuple[str, ...] = ()
    """Watchlist topics, any of which must match."""
    sentiment: tuple[Label, ...] = ()
    """Of the matched topic where known, else of the whole text."""
    languages: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    """Hosts; their subdomains count too."""
    audience: Annotated[int, Field(ge=0)] = 0
    """Followers that the author must have at least."""
    stars_up_to: Annotated[float, Field(ge=1, le=5)] | None = None
    """Only reviews with so many of 5 stars at most."""
    relevance: Annotated[float, Field(ge=0, le=1)] = 0.0
    """How likely the mention must be about a topic of its own at least, where that is known."""
    intents: tuple[IntentKind, ...] = ()
    """What the author wants, any of which."""
    spread: Annotated[int, Field(ge=0, le=100)] = 0
    """Other authors who said nearly the same within the hour before, at least."""
    priority: Literal["none", "low", "normal", "high"] = "normal"
    """How urgent it is for the team; with ``none`` it is theirs to read and no work."""
    escalate_to: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]{0,62}$")] | None = None
    """The team whose work it becomes, too, where nobody of this one takes it."""


class Work(_Table):
    """When work on routed mentions is due; times are in hours from routing."""

    high: Annotated[float, Field(gt=0, le=10_000)] = 4.0
    """Until work of high priority is due."""
    normal: Annotated[float, Field(gt=0, le=10_000)] = 24.0
    low: Annotated[float, Field(gt=0, le=10_000)] = 72.0
    escalate: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Escalated when nobody has taken it after this share of the time."""
    heir: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]{0,62}$")] | None = None
    """The team that gets the open work of a team without a route; by default it is dismissed."""


class Alerts(_Table):
    """What ``mentions alerts`` watches for."""

    kinds: tuple[AlertRule, ...] = (
        "leak", "crisis", "spike", "term", "sentiment", "silence", "author", "rating",
    )  # fmt: skip
    """The rules that may speak; docs/alerts.en.md says what each means."""
    topics: tuple[str, ...] = ()
    """About which watchlist topics; by default all."""
    chance: Annotated[float, Field(gt=0, lt=0.1)] = 1e-6
    """How unlikely a count must be; ``mentions alerts backtest --sweep`` shows what that means."""
    least: Annotated[int, Field(ge=2)] = 4
    """Mentions that a spike needs at least."""
    followers: Annotated[int, Field(ge=1)] = 100_000
    """From where on an author's reach is large."""

    @field_validator("kinds")
    @classmethod
    def _incomplete_is_no_choice(cls, kinds: tuple[AlertRule, ...]) -> tuple[AlertRule, ...]:
        if "incomplete" in kinds:
            msg = "'incomplete' is what 'silence' says where it cannot judge: name 'silence'"
            raise ValueError(msg)
        return kinds


class NotifyChannel(_Table):
    """Where alerts and teams' work are told."""

    name: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]{0,62}$")]
    """Names the channel in what is known to be delivered; do not reuse a name."""
    url: Annotated[str, Field(pattern="^(env|file):.")]
    """``env:NAME`` or ``file:PATH`` that holds the address: ``https://…`` is a webhook, anything
    else an address of apprise (``mailto://…``, ``slack://…``, ``msteams://…``, ``matrix://…``)."""
    secret: Annotated[str, Field(pattern="^(env|file):.")] | None = None
    """The same for the key that a webhook's requests are signed with."""
    kinds: tuple[AlertRule, ...] = ()
    """Kinds of alert; by default all."""
    topics: tuple[str, ...] = ()
    """Watchlist topics; by default all."""
    severity: Literal["info", "warning", "critical"] = "warning"
    """The least severity."""
    alerts: bool = True
    """Whether alerts are told here; without, teams' work alone."""
    teams: tuple[str, ...] = ()
    """Teams whose work is told here: each story once, and again when nobody takes it."""
    digest: tuple[Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")], ...] = ()
    """Times of day at which all that these teams have to do is summed up: ``08:30``."""
    cooldown: Annotated[int, Field(ge=0, le=1_440)] = 0
    """Minutes between two messages, in which all that is not critical is gathered."""
    quiet: (
        Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")] | None
    ) = None
    """Hours in which only what is critical is told: ``22:00-07:00``; the rest waits."""
    timezone: str = "Europe/Berlin"
    """Of the quiet hours and digests."""


class PagePerson(_Table):
    """Somebody who may correct mentions on the page."""

    name: Annotated[str, Field(pattern=r"^[^\s:]{1,64}$")]
    """What corrections say as ``by``, and what the browser asks for."""
    token: Annotated[str, Field(pattern="^(env|file):.")]
    """``env:NAME`` or ``file:PATH`` that holds the person's own, 16 signs or more."""


class Page(_Table):
    """The page on which analysts correct mentions; ``mentions page`` serves it."""

    people: tuple[PagePerson, ...] = ()
    """Who may use it; without any it does not start."""
    listen: Annotated[str, Field(pattern=r"^(\[.+\]|[^:\s]+):\d{1,5}$")] = "127.0.0.1:8095"
    """``host:port``, IPv6 hosts in brackets."""
    url: Annotated[str, Field(pattern=r"^https?://[^\s/]+[^\s]*$")] | None = None
    """Where browsers find it; with it, mentions in Kibana link to it."""
    cert_file: Path | None = None
    """What it shows to browsers; without one it speaks plain HTTP."""
    key_file: Path | None = None
    """Of that certificate, where it is not in the same file."""

    @model_validator(mode="after")
    def _shows_a_certificate(self) -> "Page":
        if self.key_file and not self.cert_file:
            msg = "a key_file needs a cert_file"
            raise ValueError(msg)
        return self


class Worker(_Table):
    """How a Faust worker reads."""

    batch: Annotated[int, Field(ge=1, le=10_000)] = 500
    """Most messages handled at once."""
    stuck_after: Annotated[float, Field(ge=10)] = 300.0
    """Seconds of lag without progress after which the process exits to be restarted."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 0
    """Where /health, /ready and /metrics are served, by the first process of ``mentions worker``;
    by each further one a port higher. 0 is nowhere."""
    host: str = "127.0.0.1"


class Privacy(_Table):
    """What is done about the personal data of authors."""

    salt: SecretStr | None = None
    """Makes hashes of names, so that who sees them cannot try names out. Change it never."""
    pseudonyms: bool = False
    """Whether agents replace authors' names and handles by hashes; needs the salt."""

    @model_validator(mode="after")
    def _salted(self) -> "Privacy":
        if self.pseudonyms and self.salt is None:
            msg = "pseudonyms need a salt: set MENTIONS_PRIVACY__SALT"
            raise ValueError(msg)
        return self

    def key(self) -> bytes:
        """The salt as bytes; none where none is set."""
        return self.salt.get_secret_value().encode() if self.salt else b""


Days: TypeAlias = Annotated[int, Field(ge=1, le=3_650)]


class Retention(_Table):
    """How long what is kept; ``mentions topics create`` and ``mentions retention`` see to it."""

    raw_days: Days = 30
    enriched_days: Days = 90
    routed_days: Days = 30
    dead_letter_days: Days = 90
    """Dead letters, their marks and their searchable copies."""
    coverage_days: Days = 90
    """The ledger of what was collected, and its index."""
    figures_days: Days = 30
    """What worker processes did, and its index."""
    alert_days: Days = 365
    """Alerts, who was told of them, and their searchable copies."""
    work_days: Days = 365
    """Teams' work and its searchable copies, once it is answered or dismissed; open work stays."""
    index_months: Annotated[int, Field(ge=1, le=120)] | None = None
    """Months whose mentions stay searchable besides the current one; by default all."""


class Agent(_Table):
    """How a source agent is watched."""

    port: Annotated[int, Field(ge=0, le=65_535)] = 0
    """Where /health, /ready and /metrics are served; 0 is nowhere."""
    host: str = "127.0.0.1"
    stuck_after: Annotated[float, Field(ge=10)] = 120.0
    """Seconds that its loop may stand still before the process exits to be restarted."""


class Stack(_Table):
    """The embedded servers."""

    data: Path = Path(".mentions")
    """Everything they keep."""
    kafka_heap: str = "512m"
    elasticsearch_heap: str = "1g"
    corenlp_heap: str = "1g"
    """Of each of its two processes, one a language."""


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix="MENTIONS_",
        env_nested_delimiter="__",
    )

    kafka: Kafka = Kafka()
    elasticsearch: Elasticsearch = Elasticsearch()
    kibana: Kibana = Kibana()
    enrichment: Enrichment = Enrichment()
    second_pass: SecondPass = SecondPass()
    own: Own = Own()
    alerts: Alerts = Alerts()
    channels: tuple[NotifyChannel, ...] = ()
    page: Page = Page()
    worker: Worker = Worker()
    agent: Agent = Agent()
    stack: Stack = Stack()
    privacy: Privacy = Privacy()
    retention: Retention = Retention()
    sources: tuple[dict[str, Any], ...] = ()
    """One table a source; ``agents.source.build`` knows their keys."""
    watchlist: tuple[WatchTopic, ...] = ()
    queries: dict[Annotated[str, Field(pattern=r"^[\w-]{1,50}$")], str] = {}
    """Queries with a name, which the watchlist's queries refer to as ``$name``."""
    language: Literal["de", "en"] | None = None
    """Of messages to analysts; by default that of the environment (``LANG``)."""
    routes: tuple[Route, ...] = ()
    work: Work = Work()

    @model_validator(mode="after")
    def _names_are_unique_and_known(self) -> "Settings":
        for what, found in (
            ("source", [str(table.get("name")) for table in self.sources]),
            ("watchlist topic", [topic.topic for topic in self.watchlist]),
            ("route for team", [route.team for route in self.routes]),
            ("channel", [channel.name for channel in self.channels]),
            ("person of the page", [person.name for person in self.page.people]),
        ):
            if twice := {name for name in found if found.count(name) > 1}:
                msg = f"{what} {min(twice)!r} is there twice"
                raise ValueError(msg)
        every = {route.team for route in self.routes}
        for channel in self.channels:
            for name in set(channel.teams) - every:
                msg = f"channel {channel.name!r}: no route for team {name!r}"
                raise ValueError(msg + _nearest(name, every))
        topics = {topic.topic for topic in self.watchlist}
        for route in self.routes:
            for name in route.topics:
                if name not in topics:
                    msg = f"route for team {route.team!r}: no watchlist topic {name!r}"
                    raise ValueError(msg + _nearest(name, topics))
            teams = {other.team for other in self.routes} - {route.team}
            if route.escalate_to is not None and route.escalate_to not in teams:
                msg = f"route for team {route.team!r}: no other team {route.escalate_to!r}"
                raise ValueError(msg + _nearest(route.escalate_to, teams))
        if self.work.heir is not None and self.work.heir not in every:
            msg = f"work.heir: no route for team {self.work.heir!r}"
            raise ValueError(msg + _nearest(self.work.heir, every))
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - same for every class
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - not used, by choice
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the environment before the file, whose content arrives as ``init_settings``."""
        secrets = NestedSecretsSettingsSource(
            file_secret_settings,
            secrets_dir=os.environ.get("MENTIONS_SECRETS_DIR"),
            secrets_prefix="",
            secrets_nested_delimiter="__",
        )
        return env_settings, secrets, init_settings


def load(path: Path | None = None) -> Settings:
    """Read the settings.

    Args:
        path: the configuration file; by default ``MENTIONS_CONFIG``, else ``mentions.toml`` in the
            working directory where there is one, else defaults and environment alone.

    Raises:
        ConfigError: a file is missing or not TOML, or a key is unknown, missing or wrong.
    """
    if path is None:
        named = os.environ.get("MENTIONS_CONFIG")
        path = Path(named) if named else Path("mentions.toml")
        if not named and not path.exists():
            path = None
    content = _read(path) if path else {}
    try:
        return Settings(**content)
    except ValidationError as error:
        raise ConfigError(explain(error, Settings, str(path or "settings"))) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"{path}: {error.strerror}"
        raise ConfigError(msg) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path}: not TOML: {error}"
        raise ConfigError(msg) from error
    for table, key in sorted(_SECRETS):
        if isinstance(content.get(table), Mapping) and key in content[table]:
            env = f"MENTIONS_{table}__{key}".upper()
            msg = f"{path}: {table}.{key}: a secret does not belong here; set {env} instead"
            raise ConfigError(msg)
    return content


def explain(error: ValidationError, model: type[BaseModel], where: str) -> str:
    """One line per mistake: the file or table, the place in it, what is wrong."""
    return "\n".join(f"{where}: {line}" for line in mistakes(error, model))


def mistakes(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """For each mistake the place and what is wrong; for an unknown key the nearest known one."""
    lines = []
    for mistake in error.errors(include_url=False, include_input=False):
        place = ".".join(str(part) for part in mistake["loc"])
        if mistake["type"] == "extra_forbidden":
            known = _keys(model, mistake["loc"][:-1])
            lines.append(f"unknown key {place!r}{_nearest(str(mistake['loc'][-1]), known)}")
        else:
            text = mistake["msg"].removeprefix("Value error, ")
            lines.append(f"{place}: {text}" if place else text)
    return lines


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def _keys(model: type[BaseModel], path: tuple[int | str, ...]) -> set[str]:
    """The keys of the table at ``path``, found by following the models' annotations."""
    for part in path:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        if field is None:
            return set()
        inner = [field.annotation, *getattr(field.annotation, "__args__", ())]
        tables = [t for t in inner if isinstance(t, type) and issubclass(t, BaseModel)]
        if not tables:
            return set()
        model = tables[0]
    return set(model.model_fields)
