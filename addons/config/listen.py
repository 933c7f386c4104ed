"""Can we listen there, who could reach us, and which URLs lead back to us. Nothing here leaves the machine."""

import ipaddress
import os
import socket
import ssl
from collections.abc import Collection
from urllib.parse import urlsplit

from addons.config.keys import PLACEHOLDERS
from addons.config.model import Tls
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


def tls_refusal(tls: Tls) -> str:
    """Why `tls` cannot be served, or "": its files are opened as they will be for each connection."""
    if not tls.enable:
        return ""
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls.cert, tls.key, password=lambda: "")  # asks nobody for a password
    except ssl.SSLError as bad:
        mismatch = bad.reason == "KEY_VALUES_MISMATCH"
        what = "they do not belong together" if mismatch else "they are not PEM files without a password"
        return f"tls is on, but with cert {tls.cert!r} and key {tls.key!r} nothing can be served: {what}"
    except OSError as bad:
        missing = [path for path in (tls.cert, tls.key) if not os.access(path, os.R_OK)]
        return f"tls is on, but {' and '.join(map(repr, missing))} cannot be read ({bad.strerror})"
    return ""


def try_port(host: str, port: int) -> None:
    """Have the port for a moment. Raises OSError if it cannot be had, socket.gaierror if `host` is a name."""
    flags = socket.AI_PASSIVE | socket.AI_NUMERICHOST
    for family, kind, _, _, address in socket.getaddrinfo(
        host.strip("[]") or None, port, type=socket.SOCK_STREAM, flags=flags
    ):
        with socket.socket(family, kind) as listener:
            if os.name == "posix":  # a port that was closed just now is free; on Windows this would mean sharing it
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind(address)
            listener.listen(1)


def busy(host: str, port: int) -> str:
    """Why the port cannot be had, as a sentence without what to do, or ""."""
    try:
        try_port("127.0.0.1" if host == "localhost" else host, port)
    except socket.gaierror:
        return ""  # a name: the start itself will tell
    except PermissionError:
        return f"port {port} is not allowed: ports below 1024 are for root"
    except OSError as bad:
        return f"port {port} on {host or 'all addresses'} cannot be had ({bad.strerror}). Is cliproxy running already?"
    return ""


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
