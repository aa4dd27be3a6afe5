"""Connections to public addresses only.

A name is resolved, every address it has is checked, and the connection goes to the very address
that was checked: redirects, and names that change their address in between, are covered by it.
"""

import ipaddress
import socket
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

import httpcore

__all__ = ["Forbidden", "PublicOnly", "is_public"]

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")  # carries an IPv4 address in its last bits

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


class Forbidden(httpcore.ConnectError):
    """The host is on a private network; ``allow_private = true`` permits it."""


def is_public(text: str) -> bool:
    """Whether an IP address can be reached from the internet at large."""
    address: _Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            address = inner
    return address.is_global and not address.is_multicast


class PublicOnly(httpcore.NetworkBackend):
    """A network backend that refuses private, loopback and link-local addresses."""

    def __init__(self) -> None:
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of the host, if all of them are public."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            msg = f"{host}: {error}"
            raise httpcore.ConnectError(msg) from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            if not is_public(address):
                msg = f"{host} is {address}, a private address"
                raise Forbidden(msg)
        for address in addresses[:-1]:
            try:
                return self._backend.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return self._backend.connect_tcp(
            addresses[-1], port, timeout, local_address, socket_options
        )

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ARG002 - httpcore's signature
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Refuse: a socket on this host is not public."""
        raise Forbidden(path)

    def sleep(self, seconds: float) -> None:
        """Sleep between two tries to connect."""
        self._backend.sleep(seconds)
