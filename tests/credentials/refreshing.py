"""Processes that renew a log-in together, or until they are killed.

python -m tests.credentials.refreshing callers FOLDER URL NAME COUNT USED
python -m tests.credentials.refreshing killed FOLDER URL NAME SECONDS SEED
"""

import asyncio
import os
import random
import signal
import sys
import time
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from credentials.account import Account, Tokens
from credentials.due import secret_of
from credentials.model import Secret
from credentials.oauth.flow import Answer, Ask, Failed, Steps
from credentials.refresh import Refresher, Refused
from tests.credentials.tried_store import TriedStore


def steps_of(url, clock=time.time):
    """Refreshes of the fake token endpoint."""

    def steps(account: Account) -> Steps[Tokens]:
        form = {"grant_type": "refresh_token", "refresh_token": account.refresh.reveal()}
        answer: Answer = yield Ask("POST", url, form=form)
        said = answer.json()
        if not answer.ok:
            code = said.get("error", "unreachable" if not answer.status else "")
            wait = float(answer.headers.get("retry-after", 0))
            raise Failed(f"refused: {code}", dead=code == "invalid_grant", retry_after=wait, code=code)
        expires = clock() + said["expires_in"]
        return Tokens(Secret(said["access_token"]), Secret(said.get("refresh_token", "")), expires)

    return steps


async def call(folder: Path, url: str, name: str, count: int, used: str) -> None:
    """Many callers at once, who all have the same stale token."""
    driver = Driver()
    refresher = Refresher(TriedStore(folder), steps_of(url), driver, time.time)
    got = await asyncio.gather(*(refresher.refreshed(name, Secret(used)) for _ in range(count)))
    print(*{secret_of(account).reveal() for account in got})
    await refresher.close()


class Driver:
    """`drive` without an HTTP library: a process that lives for a moment has no time for one."""

    async def __call__(self, steps, *, proxy=None):
        try:
            wish = next(steps)
            while True:
                wish = steps.send(await self._send(wish))
        except StopIteration as done:
            return done.value

    async def _send(self, ask: Ask) -> Answer:
        where = urlsplit(ask.url)
        body = urlencode(ask.form).encode()
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        try:
            kind = "application/x-www-form-urlencoded"
            head = f"POST {where.path} HTTP/1.1\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines[1:] if line)
            return Answer(int(lines[0].split()[1]), headers, await reader.readexactly(int(headers["content-length"])))
        finally:
            writer.close()
            await writer.wait_closed()


async def renew_forever(folder: Path, url: str, name: str, driver: Driver) -> None:
    """Renew whatever is there, again and again."""
    refresher = Refresher(TriedStore(folder), steps_of(url), driver, time.time)
    used = Secret("at-x-none")
    while True:
        try:
            used = secret_of(await refresher.refreshed(name, used))
        except Refused as refused:
            print("refused:", refused, flush=True)
            os._exit(1)


def kill_at_random(folder: Path, url: str, name: str, seconds: float, seed: int) -> int:
    """Start two at a time, kill them when it pleases chance. Gives the number of kills."""
    chance, kills, driver = random.Random(seed), 0, Driver()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        children = []
        for _ in range(2):
            child = os.fork()
            if child == 0:
                asyncio.run(renew_forever(folder, url, name, driver))
            children.append(child)
        for child in children:
            time.sleep(chance.uniform(0.0, 0.3))
            os.kill(child, signal.SIGKILL)
            kills += 1
        for child in children:
            _, status = os.waitpid(child, 0)
            if not os.WIFSIGNALED(status):
                sys.exit("a child gave up")
    return kills


if __name__ == "__main__":
    sys.setswitchinterval(0.0002)  # threads hand over at once: more rounds in a life
    mode, folder, url, name, *rest = sys.argv[1:]
    if mode == "callers":
        asyncio.run(call(Path(folder), url, name, int(rest[0]), rest[1]))
    else:
        print(kill_at_random(Path(folder), url, name, float(rest[0]), int(rest[1])))
