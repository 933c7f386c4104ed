"""Processes that renew a log-in together, or until they are killed.

python -m tests.credentials.refreshing callers FOLDER URL NAME COUNT USED
python -m tests.credentials.refreshing killed FOLDER URL NAME SEED    (one round for each line of input)
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
from credentials.halts import Refused
from credentials.model import Secret
from credentials.oauth.flow import Answer, Ask, Failed, Steps
from credentials.refresh import Refresher
from tests.credentials.tried_store import TriedStore

LONGEST_LIFE = 0.2
"""Seconds until the first of two is killed, and from then until the second is, at most: some renewals each."""


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
            print("refused:", refused, file=sys.stderr)
            os._exit(1)


def kill_at_random(folder: Path, url: str, name: str, seed: int) -> None:
    """For each line that comes in: start two, kill them when it pleases chance, and say how many went by themselves."""
    chance, driver = random.Random(seed), Driver()
    for _ in sys.stdin:
        children = []
        for _ in range(2):
            child = os.fork()
            if child == 0:
                asyncio.run(renew_forever(folder, url, name, driver))
            children.append(child)
        for child in children:
            time.sleep(chance.uniform(0.0, LONGEST_LIFE))
            os.kill(child, signal.SIGKILL)
        ends = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        print(sum(end != -signal.SIGKILL for end in ends), flush=True)


if __name__ == "__main__":
    sys.setswitchinterval(0.0002)  # threads hand over at once: more rounds in a life
    mode, folder, url, name, *rest = sys.argv[1:]
    if mode == "callers":
        asyncio.run(call(Path(folder), url, name, int(rest[0]), rest[1]))
    else:
        kill_at_random(Path(folder), url, name, int(rest[0]))
