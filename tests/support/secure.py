"""Servers with their doors locked: TLS, users and passwords."""

import base64
import hashlib
import json
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx
from kafka import KafkaAdminClient
from kafka.admin import ScramMechanism, UserScramCredentialUpsertion

from tests.support.certificates import Certificates
from tests.support.quick import QuickElasticsearch, QuickKafka

__all__ = ["SecureElasticsearch", "SecureKafka", "let_in"]

_JAAS: Final = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
_ITERATIONS: Final = 10_000


class SecureKafka(QuickKafka):
    """A broker with a second door, SASL_SSL with SCRAM; the first is for the test itself."""

    certificates: Certificates
    secure: int
    """The second door's port."""

    def add_user(self, name: str, password: str) -> None:
        """Let somebody in."""
        client = KafkaAdminClient(bootstrap_servers=self.address)
        try:
            mechanism = ScramMechanism.SCRAM_SHA_512
            user = UserScramCredentialUpsertion(name, mechanism, password, _ITERATIONS)
            client.alter_user_scram_credentials([user])
        finally:
            client.close()

    def _configure(self, data: Path) -> Path:
        path = super()._configure(data)
        known = dict(
            line.split("=", 1) for line in path.read_text(encoding="ascii").splitlines() if line
        )
        door = f"SECURE://127.0.0.1:{self.secure}"
        certificate, key = self.certificates.ca, self.certificates.key
        known |= {
            "listeners": f"{known['listeners']},{door}",
            "advertised.listeners": f"{known['advertised.listeners']},{door}",
            "listener.security.protocol.map": (
                "PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL,CONTROLLER:PLAINTEXT"
            ),
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.secure.scram-sha-512.sasl.jaas.config": _JAAS,
            "listener.name.secure.ssl.keystore.type": "PEM",
            "listener.name.secure.ssl.keystore.key": json.dumps(key.read_text("ascii"))[1:-1],
            "listener.name.secure.ssl.keystore.certificate.chain": json.dumps(
                certificate.read_text("ascii")
            )[1:-1],
        }
        lines = [f"{name}={value}\n" for name, value in known.items()]
        path.write_text("".join(lines), encoding="ascii")
        return path


class SecureElasticsearch(QuickElasticsearch):
    """A node with TLS and users in files."""

    certificates: Certificates
    users: dict[str, tuple[str, str]]
    """Name → password and role; the first may ask for the cluster's health."""
    roles: Mapping[str, object]

    @property
    def address(self) -> str:
        return f"https://{self.host}:{self.port}"

    def healthy(self) -> bool:
        name, (password, _) = next(iter(self.users.items()))
        try:
            context = ssl.create_default_context(cafile=self.certificates.ca)
            answer = httpx.get(
                f"{self.address}/_cluster/health",
                auth=(name, password),
                verify=context,
                timeout=2,
                trust_env=False,
            )
            return not self._launching() and answer.json().get("status") in {"green", "yellow"}
        except (httpx.HTTPError, ValueError):
            return False

    def _configure(self) -> None:
        super()._configure()
        config = self.folder / "config"
        path = config / "elasticsearch.yml"
        lines = [
            line
            for line in path.read_text(encoding="utf-8").splitlines()
            if not line.startswith("xpack.security.enabled")
        ]
        for source, name in (
            (self.certificates.ca, "http.crt"),
            (self.certificates.key, "http.key"),
        ):
            (config / name).write_bytes(source.read_bytes())
        lines += [
            "xpack.security.enabled: true",
            "xpack.security.enrollment.enabled: false",
            "xpack.security.http.ssl.enabled: true",
            "xpack.security.http.ssl.certificate: http.crt",
            "xpack.security.http.ssl.key: http.key",
            "xpack.security.transport.ssl.enabled: false",
        ]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        let_in(config, self.users, self.roles)


def let_in(config: Path, users: Mapping[str, tuple[str, str]], roles: Mapping[str, object]) -> None:
    """Write a node's users (name → password and role) and roles as the files that it reads."""
    passwords = [f"{name}:{_hashed(password)}\n" for name, (password, _) in users.items()]
    (config / "users").write_text("".join(passwords), encoding="utf-8")
    by_role = [f"{role}:{name}\n" for name, (_, role) in users.items()]
    (config / "users_roles").write_text("".join(by_role), encoding="utf-8")
    # JSON is YAML too, but roles are told apart by lines.
    lines = [f"{name}: {json.dumps(role)}\n" for name, role in roles.items()]
    (config / "roles.yml").write_text("".join(lines), encoding="utf-8")


def _hashed(password: str) -> str:
    salt = os.urandom(32)
    made = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS, 32)
    return "{PBKDF2}%d$%s$%s" % (  # noqa: UP031 - braces are its own
        _ITERATIONS,
        base64.b64encode(salt).decode(),
        base64.b64encode(made).decode(),
    )
