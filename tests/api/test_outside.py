"""Addresses that somebody else chose: sixty ways inwards, and not one connection."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterator

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from sender.webhooks.outside import OutsideError, Poster, check_url, read_networks, require_outside

INSIDE = (
    "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "127.0.0.2",
    "127.255.255.254", ".".join("0000"), "0", "localhost", "LOCALHOST", "localhost.", "[::1]", "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:10.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
    "[64:ff9b::10.0.0.1]", "[2002:7f00:1::]", "[2002:c0a8:101::1]", "[2001:0:7f00:1::]", "[fe80::1]", "[fe80::1%25lo]",
    "[fc00::1]", "[fd00:ec2::254]", "[fec0::1]", "[ff02::1]", "10.0.0.1", "10.1", "0xa.0.0.1", "167772161",
    "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.1", "0xc0a80001", "169.254.169.254", "169.254.43518",
    "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1",
    "224.0.0.1", "240.0.0.1", "255.255.255.255", "example.com@127.0.0.1", "127.0.0.1#example.com", "127.0.0.1\\.x.com",
    "①②⑦.⓪.⓪.①", "127。0。0。1", "rebound.example", "both.example", "mapped.example",
)  # fmt: skip


class Bound(AbstractResolver):
    """Names that lead inside; ``both`` names an address outside first."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """What the attacker's name server says now; other names as the machine knows them."""
        known = {
            "rebound.example": ["127.0.0.1"],
            "both.example": ["127.0.0.1", "10.0.0.1"],
            "mapped.example": ["::ffff:127.0.0.1"],
        }
        if host not in known:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
            return [_result(host, str(one[4][0]), port) for one in found]
        return [_result(host, address, port) for address in known[host]]

    async def close(self) -> None:
        """Nothing is open."""


def _result(host: str, address: str, port: int) -> ResolveResult:
    kind = socket.AF_INET6 if ":" in address else socket.AF_INET
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=flags)


@pytest.fixture
def inside() -> Iterator[socket.socket]:
    """Something that listens inside, on both families."""
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
        listener.setblocking(False)
        yield listener


def test_sixty_ways_inwards_make_no_connection(inside: socket.socket) -> None:
    """Decimal, octal, hex, short, mapped, wrapped, rebound, with a name in front: each is refused in a sentence."""
    assert len(INSIDE) >= 60
    port = inside.getsockname()[1]

    async def knock() -> list[str]:
        poster, said = Poster((), Bound()), []
        for host in INSIDE:
            for address in (f"https://{host}:{port}/hook", f"http://{host}:{port}/hook"):
                try:
                    said.append(f"{address} answered {await poster.post(address, b'{}', {})}")
                except OutsideError:
                    continue
        await poster.close()
        return said

    assert asyncio.run(knock()) == []
    with pytest.raises(BlockingIOError):
        inside.accept()


@pytest.mark.parametrize(
    "url", ["ftp://example.com", "https://", "example.com", "https://a b.com", "https://x:0/", "https://[::1", "//x"]
)
def test_what_is_no_address_is_refused_when_it_is_written(url: str) -> None:
    """One sentence, before anything is looked up."""
    with pytest.raises(OutsideError):
        check_url(url, ())


def test_networks_of_ours_are_reached_where_a_setting_names_them() -> None:
    """A private network may be named; what lies beside it stays closed, and names still need https."""
    networks = read_networks(["10.1.0.0/16"])
    check_url("http://10.1.2.3/hooks", networks)
    check_url("https://crm.example.com/hooks", networks)
    for url in ("http://10.2.0.1/", "http://crm.example.com/", "https://192.168.0.1/"):
        with pytest.raises(OutsideError):
            check_url(url, networks)


def test_the_internet_is_outside() -> None:
    """Addresses of the internet pass, of both families."""
    for text in ("93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"):
        require_outside(ipaddress.ip_address(text), ())
