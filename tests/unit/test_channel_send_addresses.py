"""Names that people configure do not reach into our own network, however the address is written."""

import asyncio
import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.channels.outgoing.addresses import Addresses, is_public
from shared.errors import Invalid

OURS = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::1",
]  # fmt: skip


@pytest.mark.parametrize("address", OURS)
def test_an_address_of_our_own_network_is_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_the_same_in_every_writing(address: ipaddress.IPv4Address) -> None:
    mapped = ipaddress.IPv6Address(f"::ffff:{address}")
    translated = ipaddress.IPv6Address((0x64FF9B << 96) | int(address))
    assert is_public(mapped) == is_public(translated) == is_public(address)


def resolved(addresses: list[str], monkeypatch: Any, **more: Any) -> list[str]:
    async def ask() -> list[str]:
        async def answer(*_: Any, **__: Any) -> list[Any]:
            return [(2, 1, 6, "", (address, 443)) for address in addresses]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", answer)
        return await Addresses(**more).of("shop.example", 443)

    return asyncio.run(ask())


def test_a_name_with_one_private_address_is_refused_whole(monkeypatch: Any) -> None:
    with pytest.raises(Invalid) as refused:
        resolved(["8.8.8.8", "10.0.0.1"], monkeypatch)
    assert refused.value.reason == "private-address"
    assert resolved(["8.8.8.8", "8.8.8.8"], monkeypatch) == ["8.8.8.8"]


def test_a_desk_on_one_machine_may_allow_them(monkeypatch: Any) -> None:
    assert resolved(["127.0.0.1"], monkeypatch, allow_private=True) == ["127.0.0.1"]
