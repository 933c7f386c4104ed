"""Log-ins are renewed ahead of their end, and when a request needs it.

Every few seconds those that are due are renewed, whether anybody asks for them or not, and also while they rest. A
log-in that has ended is told once, and shown as invalid until its file changes.
"""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from addons.settings import Settings
from credentials.account import Account, Tokens, write_account
from credentials.due import UNWRITTEN, due, expired, expires_of, secret_of, stale
from credentials.halts import Dead, Refused
from credentials.model import Credential, OwnClient
from credentials.oauth import AFTER, REFRESH
from credentials.oauth.clients import client_of
from credentials.oauth.flow import Client, Failed, Steps, drive
from credentials.outcomes import DEAD_GRANT, HALF_HOUR
from credentials.refresh import Refresher
from credentials.store import Stored, revision_of
from providers import oauth

log = logging.getLogger(__name__)

TICK = 5.0
"""Seconds between two looks at what is due."""

AHEAD = 16
"""Renewals ahead of time that run side by side."""

PATIENCE = 30.0
"""Seconds that a request waits for a new token."""


class Refresh:
    """Keeps the tokens of the runtime's accounts fresh."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.refresher: Refresher | None = None
        self._accounts: Callable[[], Iterable[Account]] = tuple
        self._clock = clock
        self._marked: dict[str, float] = {}
        self._told: dict[str, str] = {}
        self._ahead: set[asyncio.Task[None]] = set()
        self._ticking: asyncio.Task[None] | None = None
        self._endings: set[asyncio.Task[None]] = set()
        self._log_ins = oauth.load()

    def use(self, refresher: Refresher | None, accounts: Callable[[], Iterable[Account]]) -> None:
        """Keep these accounts, as they are at each look, with this refresher."""
        self.refresher = refresher
        self._accounts = accounts

    def _follow(self) -> None:
        """Keep what the runtime has by now: another auth directory may have been set."""
        accounts, before = self.settings.runtime.accounts, self.refresher
        if accounts is None or (before is not None and before.store is accounts.store):
            return
        made = Refresher(
            accounts.store,
            self._steps_for,
            drive,
            self._clock,
            after=self._after,
            proxy_of=self._proxy_of,
            tell=log.error,
        )
        self.use(made, lambda: accounts.known.values())
        if before is not None:
            ending = asyncio.get_running_loop().create_task(before.close())
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)

    def _steps_for(self, account: Account) -> Steps[Tokens]:
        key, now = account.provider, self._clock()
        if key not in REFRESH or key not in self._log_ins:
            raise Failed(f"cliproxy has no way to renew log-ins of the type {account.type}")
        return REFRESH[key](account, self._client(key), now)

    def _after(self, account: Account) -> Steps[Tokens] | None:
        key = account.provider
        return AFTER[key](account, self._client(key), self._clock()) if key in AFTER else None

    def _client(self, key: str) -> Client:
        own = self.settings.runtime.config.oauth.get(key, OwnClient())
        return client_of(key, self._log_ins[key], own, os.environ)

    def _proxy_of(self, account: Account) -> str | None:
        url = account.text("proxy_url", "proxy-url") or self.settings.runtime.config.proxy_url
        return None if url in ("", "direct", "none") else url

    def running(self) -> None:
        """The loop runs: look for what is due."""
        if self._ticking is None:
            self._ticking = asyncio.get_running_loop().create_task(self._run())

    async def done(self) -> None:
        """The end: a renewal under way is not broken off, its refresh token may be spent."""
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None
        if self.refresher is not None:
            await self.refresher.close()

    @property
    def troubles(self) -> Mapping[str, str]:
        """Why log-ins could not be renewed ahead of time, by file; without those that could be since."""
        return self._told

    # --- for a request ----------------------------------------------------------------------------------------------

    def renews(self, credential: Credential) -> bool:
        """A refused token of it can be exchanged for a new one."""
        self._follow()
        return self.refresher is not None and credential.kind == "oauth" and credential.renewable

    def stale(self, credential: Credential) -> bool:
        """It must be renewed before a request uses it."""
        return self.renews(credential) and stale(
            credential.provider, credential.secret, credential.expires, self._clock()
        )

    def over(self, credential: Credential) -> bool:
        """Its token has ended; one that is only about to can serve if there is no other."""
        return not credential.secret or 0 < credential.expires <= self._clock()

    async def renewed(self, credential: Credential) -> Credential:
        """The credential with a token other than the one it has. Raises Dead, Later."""
        assert self.refresher is not None
        name = file_of(credential)
        try:
            account = await self.refresher.refreshed(name, credential.secret, PATIENCE)
        except Dead as dead:
            self._mark(name, dead)
            raise
        self._put(account)
        return with_token(credential, account)

    # --- ahead of time ----------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        self._unmark()
        while True:
            try:
                if not self.settings.offline():
                    await self.tick()
            except Exception as error:  # what it says may hold anything; the next look must come
                log.error("renewing ahead of time: %s", type(error).__name__)
            await asyncio.sleep(TICK)

    async def tick(self) -> None:
        """Begin to renew what is due, the most urgent first."""
        self._follow()
        if self.refresher is None:
            return
        await self.refresher.save_late()
        for name in await self.refresher.look_again():
            self._unmark(name)
        now = self._clock()
        for account in sorted(self._accounts(), key=expires_of):
            halt = self.refresher.halted(account.name)
            if isinstance(halt, Dead) and expired(account, now) and self._marked.get(account.name, 0.0) < now:
                self._mark(account.name, halt)
            if halt is not None or self.refresher.busy(account.name) or not due(account, now):
                continue
            if len(self._ahead) >= AHEAD:
                break
            task = asyncio.get_running_loop().create_task(self._renew_ahead(self.refresher, account))
            self._ahead.add(task)
            task.add_done_callback(self._ahead.discard)

    async def settled(self) -> None:
        """Wait for the renewals that `tick` began."""
        while self._ahead:
            await asyncio.wait(set(self._ahead))

    async def _renew_ahead(self, refresher: Refresher, account: Account) -> None:
        name, used = account.name, secret_of(account)
        try:
            fresh = await refresher.refreshed(name, used)
        except Refused as refused:
            self._tell(name, refused)
            if isinstance(refused, Dead) and expired(account, self._clock()):
                self._mark(name, refused)
            return
        if self._told.pop(name, None) is not None:
            log.info("%s is renewed again", name)
        self._put(fresh)

    def _tell(self, name: str, refused: Refused) -> None:
        """Say it once, until it is another story."""
        if self._told.get(name) != str(refused):
            self._told[name] = str(refused)
            log.log(logging.ERROR if isinstance(refused, Dead) else logging.WARNING, "%s: %s", name, refused)

    # --- the pool ---------------------------------------------------------------------------------------------------

    def _of(self, name: str) -> list[Credential]:
        """The credentials that a file is: as the pool has them now."""
        pool = self.settings.runtime.pool
        known = [pool.credential(each.id) for each in self.settings.runtime.credentials if file_of(each) == name]
        return [each for each in known if each is not None]

    def _put(self, account: Account) -> None:
        """Give the pool a new token: for all credentials of the file; and the auth directory what stands in it now."""
        fresh = [with_token(each, account) for each in self._of(account.name)]
        self.settings.runtime.pool.update(fresh, self._clock())
        auth_dir = self.settings.auth_dir
        if auth_dir is None or account.provider in UNWRITTEN or account.name not in auth_dir.accounts.known:
            return
        content = write_account(account)
        auth_dir.wrote(Stored(account.name, content, revision_of(content)))

    def _mark(self, name: str, dead: Dead) -> None:
        """Show a log-in as invalid: it rests, again and again, until its file is another."""
        self._tell(name, dead)
        now = self._clock()
        self._marked[name] = now + HALF_HOUR - 2 * TICK
        for each in self._of(name):
            self.settings.runtime.pool.cool(each.id, HALF_HOUR, now, reason=DEAD_GRANT.reason)

    def _unmark(self, name: str = "") -> None:
        """The file is another: the next request may try it. Without a name: all marks, those of an earlier run too."""
        now = self._clock()
        pool = self.settings.runtime.pool
        for each in self._of(name) if name else self.settings.runtime.credentials:
            if each.kind == "oauth":
                pool.clear(now, credential=each.id, reason=DEAD_GRANT.reason)
        self._marked.pop(name, None)
        self._told.pop(name, None)


def file_of(credential: Credential) -> str:
    """The name of the file that a credential comes from."""
    return credential.parent or credential.id


def with_token(credential: Credential, account: Account) -> Credential:
    """A credential with the token its file has by now."""
    return replace(credential, secret=secret_of(account), expires=expires_of(account))
