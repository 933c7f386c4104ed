"""What is lying about on this machine that could answer requests: shown at a start without config, never taken unasked.

Of secrets only the existence is told. Of the official tools' log-ins not even that much is read: only whether the file
is there.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from credentials.official import PLACES

KEY_VARIABLES = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY")


class LogIn(NamedTuple):
    """A log-in of an official tool: the tool, the provider it opens, and where it is."""

    tool: str
    provider: str
    path: Path


class Door(NamedTuple):
    """A port of this machine where a local model server usually listens."""

    name: str
    port: int


DOORS = (Door("ollama", 11434), Door("lm-studio", 1234), Door("vllm", 8000))
PATIENCE = 0.2  # seconds for one door: it is on this machine


@dataclass(frozen=True, slots=True)
class Found:
    """What a start finds. variables: names only. auth_files: type → how many; "unreadable" is a type, too."""

    variables: tuple[str, ...]
    auth_dir: Path
    auth_files: Mapping[str, int]
    log_ins: tuple[LogIn, ...]


def discover(env: Mapping[str, str], home: Path, auth_dir: Path) -> Found:
    """Look at the environment, the credential files and the usual places of log-ins."""
    return Found(
        variables=tuple(name for name in KEY_VARIABLES if env.get(name, "").strip()),
        auth_dir=auth_dir,
        auth_files=Counter(type_of(path) for path in credential_files(auth_dir)),
        log_ins=log_ins(env, home),
    )


def credential_files(auth_dir: Path) -> list[Path]:
    """The credential files directly in the directory, sorted; none if there is no such directory."""
    try:
        return sorted(path for path in auth_dir.iterdir() if path.suffix.lower() == ".json" and path.is_file())
    except OSError:
        return []


def type_of(path: Path) -> str:
    """The `type` a credential file states, or "unreadable" where it is not an object with one."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return "unreadable"
    stated = content.get("type") if isinstance(content, dict) else None
    return stated.strip().lower() if isinstance(stated, str) and stated.strip() else "unreadable"


def log_ins(env: Mapping[str, str], home: Path) -> tuple[LogIn, ...]:
    """The official tools that are logged in here, as far as a file tells (on macOS some use the keychain)."""
    there = ((place, place.path(env, home)) for place in PLACES)
    return tuple(LogIn(place.tool, place.provider, path) for place, path in there if path.is_file())


type Connector = Callable[[str, int], Awaitable[None]]


async def connect(host: str, port: int) -> None:
    """Open a connection and close it again.

    Raises:
        OSError: nobody is there.
    """
    _, writer = await asyncio.open_connection(host, port)
    writer.close()


async def probe(
    connector: Connector = connect, doors: Sequence[Door] = DOORS, patience: float = PATIENCE
) -> tuple[Door, ...]:
    """The doors behind which something listens. All are tried at once; takes `patience` seconds at most."""

    async def opens(door: Door) -> bool:
        try:
            async with asyncio.timeout(patience):
                await connector("127.0.0.1", door.port)
        except OSError:  # also TimeoutError
            return False
        return True

    answers = await asyncio.gather(*(opens(door) for door in doors))
    return tuple(door for door, open_ in zip(doors, answers, strict=True) if open_)


def config_lines(door: Door) -> str:
    """What to add to config.yaml for a local server. It is only ever shown."""
    return (
        "openai-compatibility:\n"
        f"  - name: {door.name}\n"
        f"    base-url: http://127.0.0.1:{door.port}/v1\n"
        "    models:\n"
        "      - name: a-model-it-serves\n"
    )
