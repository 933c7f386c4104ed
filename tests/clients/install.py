"""Puts the clients into a folder of their own: npm packages, their install scripts not run, nothing global."""

import json
import os
import platform
import shutil
import subprocess
from pathlib import Path

PACKAGES = {
    "@anthropic-ai/claude-code": "2.1.330",
    "@openai/codex": "0.169.0",
    "@google/gemini-cli": "0.61.0",
    "@qwen-code/qwen-code": "0.24.4",
    "opencode-ai": "1.18.33",
}
"""Tried versions. Newer ones may well work; raise them together with what clients.py knows of their tools."""
NODE = 22
"""The oldest Node that all of them take; if the machine's is older, one comes along as a package."""


def folder() -> Path:
    """Where the clients are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "cliproxy-clients"


def install() -> Path:
    """Install what is missing or of another version; gives the folder of the modules."""
    place = folder()
    modules = place / "node_modules"
    wanted = dict(PACKAGES)
    if _node_version() < NODE:
        wanted[_node_package()] = str(NODE)
    missing = [f"{name}@{version}" for name, version in wanted.items() if not _has(modules / name, version)]
    if missing:
        place.mkdir(parents=True, exist_ok=True)
        print(f"installing {', '.join(missing)} into {place}", flush=True)
        options = ["--prefix", str(place), "--ignore-scripts", "--no-fund", "--no-audit", "--loglevel", "error"]
        every = [f"{name}@{version}" for name, version in wanted.items()]
        subprocess.run(["npm", "install", *options, *every], check=True, cwd=place)
    return modules


def executables(modules: Path) -> dict[str, list[str]]:
    """How to start each client: the native program where there is one, else Node and the script."""
    own = modules / _node_package() / "bin" / "node"
    node = str(own if own.exists() else shutil.which("node") or "node")
    return {
        "claude": [str(_native(modules, "@anthropic-ai/claude-code-", "claude"))],
        "codex": [node, str(_script(modules / "@openai/codex", "codex"))],
        "gemini": [node, str(_script(modules / "@google/gemini-cli", "gemini"))],
        "qwen": [node, str(_script(modules / "@qwen-code/qwen-code", "qwen"))],
        "opencode": [str(_native(modules, "opencode-", "bin/opencode"))],
    }


def _node_version() -> int:
    node = shutil.which("node")
    if node is None:
        return 0
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    return int(said.lstrip("v").partition(".")[0])


def _machine() -> tuple[str, str]:
    """System and processor as npm spells them."""
    processor = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}
    machine = platform.machine().lower()
    return platform.system().lower(), processor.get(machine, machine)


def _node_package() -> str:
    return "node-{}-{}".format(*_machine())


def _has(package: Path, version: str) -> bool:
    manifest = package / "package.json"
    if not manifest.is_file():
        return False
    found = str(json.loads(manifest.read_text())["version"])
    return found == version or found.startswith(version + ".")


def _script(package: Path, name: str) -> Path:
    manifest = json.loads((package / "package.json").read_text())["bin"]
    return package / (manifest if isinstance(manifest, str) else manifest[name])


def _native(modules: Path, prefix: str, program: str) -> Path:
    """The native program of this machine: `prefix` and system and processor, perhaps with a further word."""
    system, processor = _machine()
    parent = (modules / f"{prefix}x").parent
    start = f"{prefix.rpartition('/')[2]}{system}-{processor}"
    found = sorted(path / program for path in parent.glob(f"{start}*") if (path / program).is_file())
    if not found:
        raise FileNotFoundError(f"no {program} for {system}-{processor} below {parent}")
    return found[0]
