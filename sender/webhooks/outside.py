"""Requests to addresses that somebody else chose: only to the internet, or to networks of ours that a setting names.

An address is judged where the socket is made, after the last look-up of its name: a name that is bound anew, a decimal
or mapped spelling and a literal all come to the same place. No redirect is followed, no answer is read past its status.
"""

import ipaddress
import socket
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver

TOTAL_SECONDS = 15.0
CONNECTIONS = 50
LONGEST_URL = 2000
NAT64 = ipaddress.ip_network("64:ff9b::/96")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class OutsideError(OSError):
    """An address that may not be reached, or did not answer; one sentence without the address's secrets."""


def read_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """The networks of a setting; ValueError names the wrong one."""
    return tuple(ipaddress.ip_network(text) for text in texts)


def check_url(url: str, networks: Sequence[Network]) -> None:
    """Refuse what can never be reached: OutsideError says why. A name is judged when it is looked up."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise OutsideError("This is no address; write it as https://example.com/hooks.") from error
    if len(url) > LONGEST_URL or not host or parts.fragment or any(ord(char) <= 32 or ord(char) > 126 for char in url):
        raise OutsideError("This is no address; write it as https://example.com/hooks.")
    if parts.username is not None or parts.password is not None or port == 0 or "\\" in url:
        raise OutsideError("An address with a name, a password or a port of none in it is not used.")
    literal = _literal(host)
    own = literal is not None and _in_networks(literal, networks)
    if parts.scheme != "https" and not (parts.scheme == "http" and own):
        raise OutsideError("Only https addresses are used; http is for networks of ours that a setting names.")
    if literal is not None:
        require_outside(literal, networks)


def require_outside(address: Address, networks: Sequence[Network]) -> None:
    """Refuse an address that is not on the internet and not in these networks."""
    if not _in_networks(address, networks) and not all(_is_public(one) for one in _meant(address)):
        raise OutsideError("The address is not on the internet; webhooks reach nothing inside.")


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _in_networks(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks if network.version == address.version)


def _is_public(address: Address) -> bool:
    closed = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    return address.is_global and not closed and not address.is_link_local


def _meant(address: Address) -> list[Address]:
    """The address, and every one that is wrapped in it (mapped, 6to4, Teredo, NAT64)."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    inner: list[Address] = [address]
    if address.sixtofour is not None:
        inner.append(address.sixtofour)
    if address.teredo is not None:
        inner += address.teredo
    if address in NAT64:
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return inner


class Poster:
    """Posts to outside addresses from one event loop. ``resolver`` is aiohttp's own where none is given."""

    def __init__(self, networks: Sequence[Network], resolver: AbstractResolver | None = None) -> None:
        self.networks = tuple(networks)
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """The status of the answer; OutsideError where there was none."""
        check_url(url, self.networks)
        try:
            async with self._opened().post(url, data=body, headers=headers, allow_redirects=False) as answer:
                return answer.status
        except OutsideError:
            raise
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            refused = error.__cause__ if isinstance(error.__cause__, OutsideError) else None
            raise refused or OutsideError(f"No answer ({type(error).__name__}).") from error

    async def close(self) -> None:
        """Give back the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=CONNECTIONS,
                force_close=True,
                use_dns_cache=False,
                resolver=self._resolver,
                socket_factory=self._make_socket,
            )
            limits = aiohttp.ClientTimeout(total=TOTAL_SECONDS)
            self._session = aiohttp.ClientSession(connector=connector, timeout=limits, trust_env=False)
        return self._session

    def _make_socket(self, found: Any) -> socket.socket:
        """A socket for an address that was looked up, if it may be reached: the one place that all of them pass."""
        family, kind, protocol, _, address = found
        require_outside(ipaddress.ip_address(str(address[0]).partition("%")[0]), self.networks)
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made
