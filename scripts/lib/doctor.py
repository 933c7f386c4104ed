"""Looks at this machine, the configuration and the stored credentials, and says what to mend.

    python scripts/lib/doctor.py [--config FILE]

One line a finding: `ok`, `note` (one can live with it) or `mend`. Status 1 if anything is to be mended. Asks nobody
outside this machine, and shows no secret.
"""

import argparse
import os
import re
import shutil
import socket
import stat
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Literal, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from addons.config.listen import is_loopback, refusal
from addons.config.load import find, load
from addons.config.model import Config


class Finding(NamedTuple):
    """What was looked at, and how it stands."""

    verdict: Literal["ok", "note", "mend"]
    text: str


def look_at_python() -> Iterator[Finding]:
    """The interpreter and the installed versions against the lock file."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("ok" if sys.version_info >= (3, 12) else "mend", f"Python {version} ({sys.prefix})")
    lock = (ROOT / "requirements.lock").read_text()
    other = []
    for name, wanted, marker in re.findall(r"^([\w.-]+)==([^ \\;]+)( ; [^\\]*)?", lock, re.MULTILINE):
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            if not marker:
                other.append(f"{name} is missing")
            continue
        if found != wanted:
            other.append(f"{name} {found} instead of {wanted}")
    if other:
        yield Finding("note", f"not the locked packages: {', '.join(other)}. scripts/serve --setup-only installs them")
    else:
        yield Finding("ok", f"packages as locked, mitmproxy {metadata.version('mitmproxy')}")


def look_at_machine() -> Iterator[Finding]:
    """What else has to be there: a folder for mitmproxy, room on the disk."""
    folder = Path.home() / ".mitmproxy"
    if folder.exists() and not os.access(folder, os.W_OK):
        yield Finding("mend", f"{folder} cannot be written: mitmproxy keeps its certificate authority there")
    free = shutil.disk_usage(Path.home()).free
    if free < 200 << 20:
        yield Finding("mend", f"only {free >> 20} MB are free on the disk of {Path.home()}")


def look_at_config(explicit: str) -> tuple[Config | None, list[Finding]]:
    """The configuration in use, None if it cannot be used, and what is to be said about it."""
    path = find(explicit, os.environ, Path.cwd(), Path.home())
    if path is None:
        text = f"no configuration file: the defaults hold. To begin one: cp {ROOT / 'config.example.yaml'} config.yaml"
        return Config(), [Finding("note", text)]
    loaded = load(path)
    findings = [Finding("mend" if problem.severity == "error" else "note", str(problem)) for problem in loaded.problems]
    if loaded.config is not None:
        findings.insert(0, Finding("ok", f"configuration {path}"))
        if os.name == "posix" and path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            findings.append(Finding("note", f"{path} can be read by others on this machine: chmod 600 {path}"))
    return loaded.config, findings


def look_at_port(config: Config) -> Iterator[Finding]:
    """Can we listen there, and who could reach us?"""
    where = f"{config.host} port {config.port}"
    why_not = refusal(config.host, config.api_keys)
    if why_not:
        yield Finding("mend", why_not)
    elif not is_loopback(config.host):
        yield Finding("note", f"{config.host} can be reached from other machines; client keys are asked for")
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.host.strip("[]"), config.port))
        except OSError as bad:
            yield Finding("note", f"{where} cannot be listened on ({bad.strerror}): is cliproxy running already?")
        else:
            yield Finding("ok", f"{where} is free")


def look_at_credentials(config: Config) -> Iterator[Finding]:
    """The keys of the configuration, and the files of the credential folder: how many, and who can read them."""
    keys = sum(
        len(several)
        for several in (
            config.gemini_api_key,
            config.claude_api_key,
            config.codex_api_key,
            config.xai_api_key,
            config.vertex_api_key,
            config.openai_compatibility,
        )
    )
    folder = config.auth_path(Path.home())
    files = sorted(folder.glob("*.json")) if folder.is_dir() else []
    yield Finding("ok" if keys or files else "note", f"{keys} providers with keys, {len(files)} log-ins in {folder}")
    if os.name != "posix":
        return
    for path in (folder, *files):
        if path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            mode = "700" if path.is_dir() else "600"
            yield Finding("mend", f"{path} is open to others on this machine: chmod {mode} {path}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/doctor", description="Says what to mend.")
    parser.add_argument("--config", default="", metavar="FILE", help="the configuration, if not the usual one")
    arguments = parser.parse_args()
    findings = [*look_at_python(), *look_at_machine()]
    config, about = look_at_config(arguments.config)
    findings += about
    if config is not None:
        findings += [*look_at_port(config), *look_at_credentials(config)]
    for finding in findings:
        print(f"{finding.verdict:<5} {finding.text}")
    return 1 if any(finding.verdict == "mend" for finding in findings) else 0


if __name__ == "__main__":
    sys.exit(main())
