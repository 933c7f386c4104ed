"""Rotating refresh tokens and the files they are in, against random kills: `scripts/torture --rounds 1000`.

renewals   two processes renew one log-in without pause, both are killed at any moment; the vendor honours the token
           before the last one until its successor is used, and ends the log-in for any older one
strict     the same with a vendor that honours the last one only. A kill between its answer and our write then loses
           the log-in, whoever the client is: counted (often, as they do nothing but renew), and nothing else may be
           lost
writes     two processes write one file, both are killed at any moment
encrypted  the same, encrypted
"""

import argparse
import asyncio
import json
import math
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from credentials.account import write_time
from credentials.due import secret_of
from credentials.family import read
from credentials.refresh import Refresher
from tests.credentials import crashes
from tests.credentials.refreshing import Driver, steps_of
from tests.credentials.token_server import LogIn, TokenServer
from tests.credentials.tried_store import TriedStore

ROOT = Path(__file__).resolve().parents[2]
NAME = "kimi-1.json"


class Lost(Exception):
    """A promise was broken; the message says which."""


@dataclass
class Tally:
    """What was done. window: log-ins that a strict vendor ended for a kill between its answer and our write."""

    rounds: int = 0
    kills: int = 0
    renewed: int = 0
    window: int = 0


async def renewals(folder: Path, seed: int, *, rounds: int, grace: bool = True) -> Tally:
    """Rounds of two renewers that are killed. After each: the file is whole, nothing but its token fields has changed,
    the vendor still honours its refresh token, nobody gave up, and the next round goes on from there. Raises Lost.
    """
    tally, store = Tally(), TriedStore(folder)
    async with TokenServer(grace=grace) as server, _killer(folder, server.url, seed, quiet=not grace) as one_round:
        log_in = _log_in(folder, server)
        while tally.rounds < rounds:
            gave_up = await one_round()
            tally.rounds += 1
            tally.kills += 2 - gave_up
            held = _checked(folder)
            lost = not log_in.alive or held not in ((log_in.current, log_in.before) if grace else (log_in.current,))
            if (lost or gave_up) and grace:
                raise Lost(f"round {tally.rounds}: the file holds {held}, the vendor honours {log_in.current}")
            if lost:
                if held != log_in.before:
                    raise Lost(f"round {tally.rounds}: {held} was not the last before {log_in.current}")
                tally.window += 1
                tally.renewed += log_in.count
                log_in = _log_in(folder, server)
        refresher = Refresher(store, steps_of(server.url), Driver(), time.time)
        await refresher.refreshed(NAME, secret_of(read(store, NAME).account))
        await refresher.close()
        tally.renewed += log_in.count
    return tally


def _log_in(folder: Path, server: TokenServer) -> LogIn:
    """A person logs in (again)."""
    name = f"ana{len(server.log_ins)}"
    tokens = {"access_token": f"at-{name}-0", "refresh_token": f"rt-{name}-0"}
    body = {"type": "kimi", **tokens, "expired": write_time(time.time() - 60), "prefix": "mine"}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NAME).write_text(json.dumps(body))
    return server.add(name)


def _checked(folder: Path) -> str:
    """The refresh token in the file."""
    try:
        body = json.loads((folder / NAME).read_bytes())
    except ValueError:
        raise Lost("the file is torn") from None
    if (body["type"], body["prefix"]) != ("kimi", "mine"):
        raise Lost("more than the token fields was changed")
    return str(body["refresh_token"])


@asynccontextmanager
async def _killer(folder: Path, url: str, seed: int, *, quiet: bool) -> AsyncIterator[Callable]:
    """A process that forks renewers and kills them, a round for each call; a call gives how many went by themselves.
    quiet: what those say is expected.
    """
    command = [sys.executable, "-m", "tests.credentials.refreshing", "killed", folder, url, NAME, str(seed)]
    pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
    pipes |= {"stderr": asyncio.subprocess.DEVNULL} if quiet else {}
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, **pipes)

    async def one_round() -> int:
        process.stdin.write(b"\n")
        said = await process.stdout.readline()
        if not said:
            raise Lost("the killer itself has died")
        return int(said)

    try:
        yield one_round
    finally:
        process.stdin.close()
        await process.wait()


# --- the command ----------------------------------------------------------------------------------------------------


def renewed(root: Path, rounds: int, seed: int) -> str:
    """With a vendor's grace."""
    tally = asyncio.run(renewals(root / "renewals", seed, rounds=rounds))
    return f"{tally.rounds} rounds, {tally.kills} kills, {tally.renewed} renewals: no token lost"


def strict(root: Path, rounds: int, seed: int) -> str:
    """Without."""
    tally = asyncio.run(renewals(root / "strict", seed, rounds=rounds, grace=False))
    return (
        f"{tally.rounds} rounds, {tally.kills} kills, {tally.renewed} renewals: {tally.window} fell between the "
        "vendor's answer and our write; none lost otherwise"
    )


def written(root: Path, rounds: int, seed: int) -> str:
    """In plain text."""
    kills = crashes.killed_by_chance(root / "plain" / "auth", math.inf, seed, rounds=rounds)
    return f"{rounds} rounds, {kills} kills: every file whole, no update lost, no lock left"


def encrypted(root: Path, rounds: int, seed: int) -> str:
    """Encrypted."""
    key = root / "key" / "key"
    kills = crashes.killed_by_chance(root / "encrypted" / "auth", math.inf, seed, key, rounds=rounds)
    return f"{rounds} rounds, {kills} kills: every file whole, no update lost, no lock left"


PARTS = {"renewals": renewed, "strict": strict, "writes": written, "encrypted": encrypted}


def main(argv: list[str]) -> int:
    """Print a line for each part; 1 if one broke its promise."""
    parser = argparse.ArgumentParser(
        prog="torture", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"not all of {', '.join(PARTS)}")
    parser.add_argument("--rounds", type=int, default=1000, help="of each part (1000)")
    parser.add_argument("--seed", type=int, default=0, help="0: a new one")
    asked = parser.parse_args(argv)
    if unknown := [part for part in asked.parts if part not in PARTS]:
        parser.error(f"no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    seed = asked.seed or random.randrange(1, 1 << 32)
    memory = Path("/dev/shm")
    sound = True
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as root:
        for part in asked.parts or PARTS:
            begin = time.monotonic()
            try:
                said, fine = PARTS[part](Path(root), asked.rounds, seed), True
            except (Lost, AssertionError) as broken:
                said, fine = str(broken) or "broken", False
            print(f"{part:<10} {'ok  ' if fine else 'LOST'}  {said} ({time.monotonic() - begin:.0f} s)", flush=True)
            sound = sound and fine
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
