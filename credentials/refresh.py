"""Renews log-ins: once for everybody who asks, in this process and in all others, and without losing a token.

    account = await refresher.refreshed("claude-ana.json", used)     # used: the access token that is no good any more

What is promised. A rotated refresh token is in all files of its log-in before anybody uses what came with it; a file
is written whole or not at all, and only its token fields change. While we ask, the files are locked, so that nobody
else spends the same refresh token. If they cannot be written (disk full), the tokens are kept in memory and used, the
locks are held on so that no other process spends what is spent, and the write is tried again until it goes through. A
file that another program put back to a spent refresh token is mended from memory.

What cannot be promised. The vendor ends the old refresh token when it answers; we have the new one when the answer
arrives and it is safe when it is on the disk. A process killed between the two (milliseconds: nothing happens in
between but the write) has lost it, and so has one whose answer is lost on the way. Vendors with a grace period accept
the old token for a moment, and the next attempt heals it; where there is none, the person must log in again. No
client can close this window; it can only be kept short.
"""

import asyncio
import copy
import traceback
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Protocol

from credentials import family as files
from credentials.account import Account, BadFile, Tokens
from credentials.due import HOUR, MINUTE, UNWRITTEN, expires_of, secret_of, stale
from credentials.family import Family, Found, Gone, Renewal
from credentials.halts import FAILURE_PAUSE, Halts, Later, Refused
from credentials.model import Secret
from credentials.oauth.flow import Failed, Steps
from credentials.store import Store, Unavailable

IN_FLIGHT = MINUTE
"""The longest that anybody waits for a renewal under way (which goes on without them)."""

PARALLEL = 32
"""Renewals at a time. Whoever renews ahead of time takes no more than half, so that requests find a place."""

UNSAID = HOUR
"""What is made of a server that does not say how long its token lives, where the file names an end that is over."""

SPENT = 16
"""Spent refresh tokens that are remembered of one file, as digests."""


class Drive(Protocol):
    """Runs steps, as credentials.oauth.flow.drive does. Raises Failed."""

    def __call__(self, steps: Steps[Tokens], *, proxy: str | None) -> Awaitable[Tokens]: ...


@dataclass(slots=True)
class _Kept:
    """The newest tokens of a file, as they were got here. spent: digests of refresh tokens that work no more.

    revision: of the file they were made of, where they are not written.
    """

    renewal: Renewal
    revision: str = ""
    spent: list[str] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Late:
    """A family whose new tokens could not be written yet: still locked. told: when a person last heard of it."""

    family: Family
    renewal: Renewal
    told: float
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Refresher:
    """Belongs to one event loop. steps_for: the renewal of an account; raises Failed where there is none. after: what
    is asked once the new tokens are safe, None for nothing; of its tokens, `more` is taken.

    proxy_of: URL of the proxy for an account's token endpoint, None for a direct connection. tell: takes what a person
    must hear at once, free of secrets.
    """

    def __init__(
        self,
        store: Store,
        steps_for: Callable[[Account], Steps[Tokens]],
        drive: Drive,
        clock: Callable[[], float],
        *,
        after: Callable[[Account], Steps[Tokens] | None] = lambda account: None,
        proxy_of: Callable[[Account], str | None] = lambda account: account.text("proxy_url") or None,
        tell: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.store = store
        self._steps_for, self._after = steps_for, after
        self._drive = drive
        self._clock = clock
        self._proxy_of = proxy_of
        self._tell = tell
        self._threads = ThreadPoolExecutor(PARALLEL, thread_name_prefix="refresh")
        self._places = asyncio.Semaphore(PARALLEL)
        self._flights: dict[str, asyncio.Task[Account | Refused]] = {}
        self._halts = Halts(clock)
        self._kept: dict[str, _Kept] = {}
        self._late: dict[str, _Late] = {}

    # --- asking -----------------------------------------------------------------------------------------------------

    async def refreshed(self, name: str, used: Secret, patience: float = IN_FLIGHT) -> Account:
        """The account with a token other than `used`: the one on the disk if that is newer, else a new one.

        Raises Dead, Later. Who stops waiting does not stop the renewal.
        """
        while True:
            flight = self._flights.get(name)
            mine = flight is None
            flight = flight or self._start(name, used)
            await asyncio.wait({flight}, timeout=patience)
            if not flight.done():
                raise Later(f"{name} is still being renewed")
            if flight.cancelled():
                raise Later(f"{name} is not renewed: cliproxy ends")
            got = flight.result()
            if isinstance(got, Refused):
                raise copy.copy(got)
            if mine or secret_of(got) != used:  # else we came in the middle of a renewal that brought what we had
                return got

    def halted(self, name: str) -> Refused | None:
        """Why a file's log-in is not renewed now: Dead, Later; None if it can be."""
        return self._halts.of(name)

    def busy(self, name: str) -> bool:
        """It is being renewed now."""
        return name in self._flights

    async def look_again(self) -> list[str]:
        """Look whether files that were given up have changed, be it by a new log-in. Gives the names of those."""
        freed = []
        for name, revision in self._halts.revisions().items():
            try:
                same = (await self._in_thread(files.read, self.store, name)).revision == revision
            except (Gone, BadFile, Unavailable) as trouble:
                same = not isinstance(trouble, Gone)
            if not same and self._halts.end(name, revision):
                freed.append(name)
        return freed

    async def save_late(self) -> None:
        """Try again to write what could not be written."""
        for late in {id(late): late for late in self._late.values()}.values():
            async with late.turn:
                if self._late.get(late.family.names[0]) is late:
                    await self._save(late.family, late.renewal)

    async def close(self, patience: float = IN_FLIGHT) -> None:
        """Let renewals under way come to their end, and what they bring to the disk."""
        if self._flights:
            await asyncio.wait(set(self._flights.values()), timeout=patience)
        await self.save_late()
        self._threads.shutdown(wait=False)

    # --- one renewal ------------------------------------------------------------------------------------------------

    def _start(self, name: str, used: Secret) -> asyncio.Task[Account | Refused]:
        flight = asyncio.get_running_loop().create_task(self._fly(name, used), name=f"refresh {name}")
        self._flights[name] = flight
        flight.add_done_callback(lambda _: self._flights.pop(name, None))
        return flight

    async def _fly(self, name: str, used: Secret) -> Account | Refused:
        """`_renew`, with everything that may go wrong as a value: many may be waiting for it."""
        try:
            async with self._places:
                return await self._renew(name, used)
        except Refused as refused:
            return refused.with_traceback(None)
        except Gone as gone:  # for good, or on its way from one place to another
            return Later(str(gone))
        except BadFile as bad:
            return Later(f"{name} {bad}")
        except Unavailable as trouble:
            return Later(str(trouble))
        except Exception as error:  # a fault of ours, or an answer nobody thought of: its text may hold anything
            self._tell(f"{name} could not be renewed: {type(error).__name__} in {_place(error)}")
            return Later(f"{name} could not be renewed ({type(error).__name__})", FAILURE_PAUSE)

    async def _renew(self, name: str, used: Secret) -> Account:
        while (late := self._late.get(name)) is not None:
            async with late.turn:
                if self._late.get(name) is not late or await self._save(late.family, late.renewal):
                    continue  # it is on the disk now, and the files are free
                try:
                    found = await self._in_thread(files.read, self.store, name)
                except (Gone, BadFile, Unavailable):
                    found = late.family.found
                family = replace(late.family, found=Found(late.renewal.on(found.account), found.revision))
                return await self._newest(name, family, used)
        family = await self._locked(name)
        try:
            await self._mend(name, family)
            return await self._newest(name, family, used)
        finally:
            if not any(late.family.locks is family.locks for late in self._late.values()):
                family.release()

    async def _newest(self, name: str, family: Family, used: Secret) -> Account:
        """What is on the disk if that will do, else a renewal. The files are locked."""
        for again in (True, False):
            account = family.found.account
            secret = secret_of(account)
            if secret != used and not stale(account.provider, secret, expires_of(account), self._clock()):
                return account
            self._halts.check(name, family.found)
            asked = self._clock()
            try:
                tokens = await self._drive(self._steps_for(account), proxy=self._proxy_of(account))
                break
            except Failed as failed:
                found = await self._in_thread(files.read, self.store, name) if failed.dead and again else family.found
                if not again or found.account.refresh in (account.refresh, Secret("")):
                    raise self._halts.failed(name, family.found, failed) from None
                family.found = found  # somebody who knows of no locks has renewed it
        renewal = self._whole(family.found, Renewal(tokens, account.refresh, asked, self._clock()))
        found = await self._taken(name, family, renewal)
        return await self._completed(name, family, found, renewal)

    def _whole(self, found: Found, renewal: Renewal) -> Renewal:
        """With an end, where the server names none and the file one that is over."""
        if renewal.tokens.expires or not 0 < expires_of(found.account) <= renewal.answered:
            return renewal
        return renewal._replace(tokens=replace(renewal.tokens, expires=renewal.answered + UNSAID))

    async def _taken(self, name: str, family: Family, renewal: Renewal) -> Found:
        """New tokens are here: onto the disk with them, before anything else."""
        account, revision = family.found
        end = expires_of(account)
        self._halts.end(name)
        if account.provider in UNWRITTEN:
            self._kept[name] = _Kept(renewal, revision)
            return Found(renewal.on(account), revision)
        for each in family.names:
            kept = self._kept.setdefault(each, _Kept(renewal))
            if renewal.rotated:
                kept.spent = [*kept.spent, files.digest(renewal.spent)][-SPENT:]
            kept.renewal = renewal = renewal._replace(older=(*renewal.older, *kept.spent))
        found = await self._save(family, renewal) or Found(renewal.on(account), revision)
        if 0 < (renewal.tokens.expires or end) <= end:
            self._halts.unmoved(name, found.revision)
        return found

    async def _completed(self, name: str, family: Family, found: Found, renewal: Renewal) -> Account:
        """Ask for what else belongs to the new tokens. Without it they are kept, and nobody gets them yet."""
        steps = self._after(found.account)
        if steps is None:
            return found.account
        try:
            more = (await self._drive(steps, proxy=self._proxy_of(found.account))).more
        except Failed as failed:
            raise self._halts.failed(name, found, failed) from None
        whole = renewal._replace(tokens=replace(renewal.tokens, more={**renewal.tokens.more, **more}))
        for each in family.names:
            self._kept[each].renewal = whole
        return (await self._save(family, whole) or Found(whole.on(found.account), found.revision)).account

    # --- files ------------------------------------------------------------------------------------------------------

    async def _mend(self, name: str, family: Family) -> None:
        """Set what we know better than the file: tokens that are not written, or that somebody has overwritten."""
        kept = self._kept.get(name)
        account, revision = family.found
        if kept is None:
            return
        if account.provider in UNWRITTEN:
            if kept.revision == revision:
                family.found = Found(kept.renewal.on(account), revision)
        elif files.digest(account.refresh) in kept.spent:
            self._tell(f"{name} was put back to tokens that work no more: the newest are written again")
            found = await self._save(family, kept.renewal)
            family.found = found or Found(kept.renewal.on(account), revision)

    async def _save(self, family: Family, renewal: Renewal) -> Found | None:
        """Write tokens to a locked family's files. None: that did not work, and they stay locked and in `_late`; or
        there is no such file any more.
        """
        late = self._late.get(family.names[0])
        try:
            found = await asyncio.shield(
                self._in_thread(files.save, self.store, family.names, renewal, family.found.account)
            )
        except Unavailable as trouble:
            now = self._clock()
            if late is None or late.renewal is not renewal or now - late.told >= FAILURE_PAUSE:
                names = ", ".join(family.names)
                self._tell(f"NEW TOKENS OF {names} ARE NOT SAVED: {trouble}. They are lost if cliproxy ends before.")
                if late is None:
                    late = _Late(family, renewal, now)
                late.renewal, late.told = renewal, now
                self._late |= dict.fromkeys(family.names, late)
            return None
        if late is not None:
            for name in family.names:
                del self._late[name]
            family.release()
            self._tell(f"the new tokens of {', '.join(family.names)} are saved now")
        return found

    async def _locked(self, name: str) -> Family:
        """A file and its like, locked; let go at once if we are no longer there to have it."""
        taking = self._threads.submit(files.take, self.store, name)
        try:
            return await asyncio.wrap_future(taking)
        except asyncio.CancelledError:
            taking.add_done_callback(_let_go)
            raise

    def _in_thread[**P, R](self, blocking: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[R]:
        return asyncio.wrap_future(self._threads.submit(blocking, *args, **kwargs))


def _let_go(taking: Future[Family]) -> None:
    if not taking.cancelled() and taking.exception() is None:
        taking.result().release()


def _place(error: Exception) -> str:
    """Where it was raised; a full traceback might show values."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].name}, line {frames[-1].lineno}" if frames else "nowhere"
