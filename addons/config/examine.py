"""The checks of the doctor. Each looks at one thing and tells a finding; none changes a thing or leaves the machine."""

import os
import platform
import re
import shutil
import socket
import sys
from collections import Counter
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from addons.config.credentials import credentials_of, from_environment
from addons.config.discover import discover
from addons.config.examine_accounts import check_auth_dir, check_encryption, check_files
from addons.config.findings import Check, State, readable_by_others
from addons.config.listen import is_loopback, leads_back, tls_refusal, try_port
from addons.config.load import Loaded, find, load
from addons.config.model import Config, Tls
from credentials.accounts import Accounts, Customs
from credentials.file_store import open_store
from credentials.model import Credential
from providers import catalog

# package → lowest version, first version too new (None: none known)
PACKAGES: dict[str, tuple[tuple[int, ...], tuple[int, ...] | None]] = {
    "mitmproxy": ((12, 2), (12, 3)),
    "msgspec": ((0, 21), None),
    "httpx": ((0, 28), None),
    "pyyaml": ((6,), None),
    "authlib": ((1, 6), None),
    "cryptography": ((44,), None),
    "tiktoken": ((0, 9), None),
    "google-re2": ((1, 1), None),
}
OLDEST_PYTHON = (3, 12)
ROOT = Path(__file__).resolve().parents[2]
ROOM = 200 << 20
"""Bytes that should be free on the disk of the home folder: logs, saved flows, certificates."""


def examine(explicit: str, env: Mapping[str, str], cwd: Path, home: Path) -> list[Check]:
    """All checks, in the order in which one would mend things. explicit: the config file that was asked for, or ""."""
    path = find(explicit, env, cwd, home)
    loaded = load(path) if path else Loaded(Config())
    config = loaded.config or Config()
    auth_dir = config.auth_path(home)
    if not auth_dir.is_absolute():
        auth_dir = cwd / auth_dir
    accounts = Accounts(open_store(auth_dir, env, home))
    accounts.load()
    checks = [check_python(), check_packages(), *check_lock(ROOT / "requirements.lock")]
    checks += [*check_mitmproxy(home / ".mitmproxy"), *check_disk(home), check_config(path, loaded)]
    if loaded.config is not None:
        checks += [check_credentials(config, path is not None, env, accounts), check_listen(config)]
        checks += [check_port(config.host, config.port), *check_tls(config, cwd)]
    checks += [check_auth_dir(auth_dir), *check_files(auth_dir, accounts, config)]
    checks += [*check_encryption(auth_dir, accounts, env, home), check_environment(config, env)]
    found = discover(env, home, auth_dir)
    if found.log_ins:
        tools = ", ".join(dict.fromkeys(log_in.tool for log_in in found.log_ins))
        checks.append(Check("log-ins", "ok", f"of other tools: {tools}; not used yet"))
    return checks


def check_python() -> Check:
    """The interpreter's version."""
    found = f"{platform.python_version()}, {sys.executable}"
    if sys.version_info >= OLDEST_PYTHON:
        return Check("python", "ok", found)
    return Check("python", "error", found, ("Python 3.12 or newer is needed.",))


def check_packages() -> Check:
    """The packages cliproxy stands on: there, and of a version it knows."""
    found: dict[str, str] = {}
    advice = []
    for name, (low, high) in PACKAGES.items():
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            advice.append(f"{name} is missing")
            continue
        version = tuple(int(number) for number in re.findall(r"\d+", found[name])[:3])
        wanted = f"{_dotted(low)} or newer" + (f", below {_dotted(high)}" if high else "")
        if version < low or (high and version >= high):
            advice.append(f"{name} is {found[name]}; wanted: {wanted}")
    shown = f"mitmproxy {found['mitmproxy']}" if "mitmproxy" in found else "mitmproxy is missing"
    if not advice:
        return Check("packages", "ok", f"{shown}, and {len(PACKAGES) - 1} others")
    return Check("packages", "error", shown, (*advice, "Install with: pip install -e ."))


def check_lock(path: Path) -> list[Check]:
    """The installed versions against the lock file at `path`; nothing where there is none (an installed package)."""
    try:
        lock = path.read_text()
    except OSError:
        return []
    other = []
    locked = re.findall(r"^([\w.-]+)==([^ \\;]+)( ; [^\\]*)?", lock, re.MULTILINE)
    for name, wanted, marker in locked:
        if marker:
            continue  # it may belong to another platform
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            other.append(f"{name} is missing; locked: {wanted}")
            continue
        if found != wanted:
            other.append(f"{name} is {found}; locked: {wanted}")
    if not other:
        return [Check("lock file", "ok", f"{len(locked)} packages, none differs")]
    more = [f"and {len(other) - 5} more"] if len(other) > 5 else []
    advice = (*other[:5], *more, "scripts/serve --setup-only installs the locked ones into .venv.")
    return [Check("lock file", "warning", "other versions are installed than were tested", advice)]


def check_mitmproxy(folder: Path) -> list[Check]:
    """Where mitmproxy keeps its certificate authority; it makes the folder itself."""
    if not folder.exists() or (folder.is_dir() and os.access(folder, os.W_OK)):
        return []
    advice = ("mitmproxy keeps its certificate authority there: make it a folder that you can write to.",)
    return [Check("mitmproxy", "error", f"{folder} cannot be written", advice)]


def check_disk(home: Path) -> list[Check]:
    """Room for logs and saved flows."""
    free = shutil.disk_usage(home).free
    if free >= ROOM:
        return []
    return [Check("disk", "warning", f"{free >> 20} MB are free where {home} is", ("Saved flows and logs need room.",))]


def check_config(path: Path | None, loaded: Loaded) -> Check:
    """The config file, with each of its problems."""
    if path is None:
        return Check("config", "ok", "none: the defaults apply (config.example.yaml shows every key)")
    advice = [str(problem) for problem in loaded.problems]
    if loaded.config and readable_by_others(path) and any(map(_holds_secret, credentials_of(loaded.config))):
        advice.append(f"It holds keys, and others can read it: chmod 600 {path}")
    state: State = "error" if loaded.config is None else "warning" if advice else "ok"
    return Check("config", state, str(path), tuple(advice))


def check_credentials(config: Config, with_file: bool, env: Mapping[str, str], accounts: Accounts) -> Check:
    """What could answer: keys of the config, accounts, and without a config the keys of the environment."""
    served = catalog.load().providers
    found = [*credentials_of(config), *(each for each in accounts.credentials(Customs()) if each.provider in served)]
    counts = Counter(credential.provider for credential in found if not credential.disabled)
    if not with_file:
        counts.update(credential.provider for credential in from_environment(env, config.host, config.port))
    if counts:
        return Check("credentials", "ok", ", ".join(f"{name} {number}" for name, number in sorted(counts.items())))
    advice = "Add a key to the config, or log in: scripts/login PROVIDER."
    return Check("credentials", "warning", "none: only the demo can answer", (advice,))


def check_listen(config: Config) -> Check:
    """Who can reach it, and whether they need a key. (A config without a key for outsiders is an error already.)"""
    scheme = "https" if config.tls.enable else "http"
    host = f"[{config.host}]" if ":" in config.host else config.host
    where = f"{scheme}://{host}:{config.port}"
    number = len(config.api_keys)
    keys = f"{number or 'no'} client key{'' if number < 2 else 's'}"
    if is_loopback(config.host):
        return Check("listen", "ok", f"{where}, this machine only, {keys}")
    finding = f"{where}, other machines too, {keys}"
    if config.tls.enable:
        return Check("listen", "ok", finding)
    advice = "Without tls, client keys and conversations cross the network readable by others."
    return Check("listen", "warning", finding, (advice,))


def check_port(host: str, port: int) -> Check:
    """Whether the port can be had, by having it for a moment."""
    try:
        try_port(host, port)
    except socket.gaierror:
        return Check("port", "ok", f"{port}, not tried: {host} is a name")
    except PermissionError:
        return Check("port", "error", f"{port} is not allowed", ("Ports below 1024 are for root: choose another.",))
    except OSError as bad:
        advice = ("Either cliproxy runs already, or another program has it: change port in the config.",)
        return Check("port", "warning", f"{port} cannot be had ({bad.strerror})", advice)
    return Check("port", "ok", f"{port} is free")


def check_tls(config: Config, cwd: Path) -> list[Check]:
    """The PEM files, if tls is on: there, what they should be, and a pair."""
    if not config.tls.enable:
        return []
    advice = []
    for name, given, mark in (("cert", config.tls.cert, b"CERTIFICATE"), ("key", config.tls.key, b"PRIVATE KEY")):
        path = cwd / given
        try:
            if b"-----BEGIN " not in (content := path.read_bytes()) or mark not in content:
                advice.append(f"tls.{name}: {path} is not a PEM file with a {mark.decode().lower()}")
        except OSError as bad:
            advice.append(f"tls.{name}: {path} cannot be read ({bad.strerror})")
    tls = config.tls
    if not advice and (why := tls_refusal(Tls(True, str(cwd / tls.cert), str(cwd / tls.key)))):
        advice.append(why)
    return [Check("tls", "error" if advice else "ok", "is on", tuple(advice))]


_PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
_BASES = ("ANTHROPIC_BASE_URL", "OPENAI_BASE_URL", "GOOGLE_GEMINI_BASE_URL")


def check_environment(config: Config, env: Mapping[str, str]) -> Check:
    """Variables that change where requests go. Only names are shown."""
    proxies = [name for name in _PROXIES if env.get(name)]
    bases = [name for name in _BASES if env.get(name)]
    here = [name for name in bases if leads_back(env[name], config.host, config.port)]
    advice = []
    if proxies and not {"127.0.0.1", "localhost", "*"} & _no_proxy(env):
        advice.append(f"{', '.join(proxies)}: clients may send requests for cliproxy through that proxy, too;")
        advice.append("NO_PROXY=127.0.0.1,localhost keeps them here.")
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        if env.get(name) and not Path(env[name]).exists():
            advice.append(f"{name} names something that does not exist: TLS to upstreams will fail.")
    shown = [f"{name} leads here" if name in here else f"{name} leads elsewhere" for name in bases] + proxies
    return Check("environment", "warning" if advice else "ok", ", ".join(shown) or "nothing of note", tuple(advice))


def _holds_secret(credential: Credential) -> bool:
    return bool(credential.secret)


def _no_proxy(env: Mapping[str, str]) -> set[str]:
    return {name.strip() for name in (env.get("NO_PROXY") or env.get("no_proxy") or "").split(",")}


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
