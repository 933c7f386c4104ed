"""Who can reach a listen address, and which URLs lead back to it. Nothing here looks anything up."""

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from addons.config.keys import PLACEHOLDERS
from credentials.model import Secret

EVERYWHERE = ("0.0.0.0", "::", "")


def is_loopback(host: str) -> bool:
    """True if only this machine can reach a listener on `host`. A name other than localhost may be anything: False."""
    plain = host.strip().strip("[]").lower()
    if plain == "localhost" or plain.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(plain.partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def refusal(host: str, keys: Collection[Secret]) -> str:
    """Why a listener on `host` with these client keys must not start, or "".

    Also to be asked where `host` comes from the command line.
    """
    if is_loopback(host):
        return ""
    own = [key for key in keys if key.reveal() not in PLACEHOLDERS]
    if own:
        return ""
    known = "only the keys of the example file stand in api-keys" if keys else "api-keys is empty"
    return (
        f"{host} can be reached from other machines, and {known}: anybody could spend your credentials. "
        "Add a key of your own to api-keys, or set host to 127.0.0.1"
    )


def leads_back(url: str, host: str, port: int) -> bool:
    """True if `url` is the address of the listener on host and port itself."""
    try:
        split = urlsplit(url)
        there = split.port or {"http": 80, "https": 443}.get(split.scheme, 0)
    except ValueError:
        return False
    name, ours = (split.hostname or "").lower(), host.strip("[]").lower()
    near = is_loopback(name) or name in EVERYWHERE
    return there == port and (name == ours or (near and (is_loopback(ours) or ours in EVERYWHERE)))
