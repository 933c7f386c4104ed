"""One log-in from its beginning to the file: for a script, a mitmproxy command and a management API alike.

    saved = await login_for("claude", config.oauth, os.environ, store, desk, time.time).run()

The person is behind a Desk: it shows what is going on, opens a browser, and takes what is pasted.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge

from credentials.account import EXPIRY, LAST_REFRESH, NESTED, Account, BadFile, read_account, write_account
from credentials.model import OwnClient, Secret
from credentials.oauth import LOGINS
from credentials.oauth.callback import Callback, judge, read_paste, tunnel_hint
from credentials.oauth.clients import client_of
from credentials.oauth.flow import Client, Failed, Steps, drive
from credentials.oauth.imports import Taken, imported
from credentials.oauth.ways import Browser, Clock, Device, Found, Returned, Ticket, Way, Wishes, redirect_of
from credentials.store import Conflict, Store
from providers import oauth
from providers.oauth import LogIn

PATIENCE = 300.0
"""Seconds that a browser may be away."""

QUIET = 15.0
"""Seconds before a person is told that the address can be pasted."""

HOUR = 3600.0
"""No log-in takes longer, whatever the server says."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where the person is. tell: progress, a line or several. open: a page in a browser; False if there is none.
    paste: the next text that is pasted; None where nobody can. quiet: seconds before pasting is offered.
    """

    tell: Callable[[str], None]
    open: Callable[[str], bool] | None = None
    paste: Callable[[], Awaitable[str]] | None = None
    quiet: float = QUIET
    patience: float = PATIENCE


class Saved(NamedTuple):
    """The account as it is kept now. new: it was not there before."""

    account: Account
    new: bool


type Kind = Literal["", "browser", "device", "cookie"]


class Login:
    """A log-in for one provider. proxy: for the requests, None for a direct connection. pause: waits, in seconds."""

    def __init__(
        self,
        client: Client,
        shipped: LogIn,
        store: Store,
        desk: Desk,
        clock: Clock,
        *,
        wishes: Wishes | None = None,
        proxy: str | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.client = client
        self.shipped = shipped
        self.store = store
        self.desk = desk
        self.clock = clock
        self.wishes = wishes or Wishes()
        self.proxy = proxy
        self.pause = pause

    async def run(self, kind: Kind = "") -> Saved:
        """Log in, and keep the account. kind "": the usual way of the provider. Raises Failed, store.Unavailable."""
        way = way_of(self.client.key)
        kind = kind or ("browser" if way.browser is not None else "device")
        if self.shipped.notice:
            self.desk.tell(f"Note: {self.shipped.notice}\n")
        try:
            async with asyncio.timeout(HOUR):
                if kind == "browser" and way.browser is not None:
                    found = await self._browser(way.browser)
                elif kind == "device" and way.device is not None:
                    found = await self._device(way.device)
                elif kind == "cookie" and way.cookie is not None:
                    found = await self._drive(way.cookie(self.client, self.wishes, self.clock))
                else:
                    raise Failed(_no_way(self.client, way, kind), code="no_way")
        except TimeoutError:
            raise Failed("The log-in took too long: start again", code="timeout") from None
        return self.keep(found)

    async def take(self, path: Path) -> Saved:
        """Take over the account in a file of the vendor's own client, which is only read. Raises as `run` does."""
        self.desk.tell(f"Reading {path}; it is not changed.")
        shipped = self.shipped
        steps = imported(
            self.client.key, path, self.client, self.wishes, self.clock, shipped.official, rotates=shipped.rotates
        )
        return self.keep(await self._drive(steps))

    def keep(self, found: Found) -> Saved:
        """Write the account, and tell what its owner should hear."""
        saved = keep(self.store, found.account, way_of(self.client.key).identity)
        for note in found.notes:
            self.desk.tell(f"{note}.".replace("..", "."))
        if saved.account.body.get("disabled") is True:
            self.desk.tell("The account is disabled, and stays so until it is enabled.")
        return saved

    async def _drive[T](self, steps: Steps[T]) -> T:
        return await drive(steps, proxy=self.proxy, pause=self.pause)

    # --- browser

    async def _browser(self, browser: Browser) -> Found:
        redirect, port = redirect_of(self.client, self.wishes.port)
        ticket = new_ticket(redirect)
        page = browser.address(self.client, ticket)
        returned = await self._await_browser(page, ticket, port)
        self.desk.tell("The browser is back; asking for the account …")
        return await self._drive(browser.finish(self.client, ticket, returned, self.wishes, self.clock))

    async def _await_browser(self, page: str, ticket: Ticket, port: int) -> Returned:
        """Open the page, and wait for the callback or for what is pasted, whichever comes first."""
        opened = self.desk.open is not None
        async with self._callback(ticket, port, needed=opened) as callback:
            if self.desk.open is not None:
                opened = self.desk.open(page)
            self._invite(page, tunnel_hint(ticket.redirect, port), opened=opened)
            waits: list[asyncio.Future[Returned]] = [] if callback is None else [callback.returned]
            if self.desk.paste is not None:
                waits.append(asyncio.ensure_future(self._pasted(ticket, at_once=not opened)))
            try:
                done, _ = await asyncio.wait(waits, timeout=self.desk.patience, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    if not wait.done():
                        wait.cancel()
            if not done:
                minutes = f"{self.desk.patience / 60:.0f} minutes"
                message = f"Nobody came back from the browser within {minutes}: start again"
                raise Failed(message, code="timeout")
            return done.pop().result()

    @asynccontextmanager
    async def _callback(self, ticket: Ticket, port: int, *, needed: bool) -> AsyncGenerator[Callback | None]:
        """The server for the callback. Without it the log-in goes on only where the address can be pasted."""
        callback = Callback(urlsplit(ticket.redirect).path, ticket.state, self.desk.tell)
        listens = True
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(callback.listening(port, self.client.title))
            except Failed as failed:
                if needed or self.desk.paste is None:
                    raise
                self.desk.tell(f"{failed}. That is what is done now.")
                listens = False
            yield callback if listens else None

    def _invite(self, page: str, tunnel: str, *, opened: bool) -> None:
        self.desk.tell(
            f"Log in to {self.client.title} in your browser{'; it should open now' if opened else ''}:\n\n{page}\n"
        )
        if not opened:
            self.desk.tell(
                "If the browser runs on another machine, make a tunnel to this one first, from there:\n\n"
                f"    {tunnel}\n"
            )
            if self.desk.paste is not None:
                self.desk.tell(
                    "Or go on without one: after the log-in the browser shows a page that cannot be loaded. Copy its "
                    "whole address, and paste it here:"
                )

    async def _pasted(self, ticket: Ticket, *, at_once: bool) -> Returned:
        """What a person pastes; a paste that makes no sense is told, and waited for anew."""
        paste = self.desk.paste
        if paste is None:
            raise Failed("Nothing can be pasted here", code="no_paste")
        if not at_once:
            await asyncio.sleep(self.desk.quiet)
            self.desk.tell("Does the browser not come back? Copy the address it ended at, and paste it here:")
        while True:
            try:
                found = read_paste(await paste())
                if found is not None:
                    return judge(found, ticket.state)
            except Failed as failed:
                if failed.code not in ("no_code", "state_mismatch"):
                    raise
                self.desk.tell(f"{failed}.")

    # --- device

    async def _device(self, device: Device) -> Found:
        ticket = new_ticket("", short=True)
        grant = await self._drive(device.begin(self.client, ticket))
        opened = self.desk.open is not None and self.desk.open(grant.page)
        where = "in your browser; it should open now" if opened else "in any browser"
        code = f"\nIt asks for this code, or shows it:\n\n    {grant.user_code}\n" if grant.user_code else ""
        self.desk.tell(f"Log in to {self.client.title} {where}:\n\n    {grant.page}\n{code}")
        self.desk.tell(f"Waiting for you, {grant.expires_in / 60:.0f} minutes at most …")
        return await self._drive(device.finish(self.client, ticket, grant, self.wishes, self.clock))


def login_for(
    provider: str,
    own: Mapping[str, OwnClient],
    environment: Mapping[str, str],
    store: Store,
    desk: Desk,
    clock: Clock,
    *,
    wishes: Wishes | None = None,
    proxy: str | None = None,
) -> Login:
    """A log-in as config and environment have it. own: `oauth` of the config. Raises Failed for an unknown provider."""
    way_of(provider)
    shipped = oauth.load()[provider]
    client = client_of(provider, shipped, own.get(provider, OwnClient()), environment)
    return Login(client, shipped, store, desk, clock, wishes=wishes, proxy=proxy)


def way_of(provider: str) -> Way:
    """The ways into a provider. Raises Failed with those there are."""
    way = LOGINS.get(provider)
    if way is None:
        raise Failed(f"There is no log-in for {provider!r}; there is one for {', '.join(LOGINS)}", code="no_provider")
    return way


def _no_way(client: Client, way: Way, kind: str) -> str:
    ways = {"browser": way.browser, "device": way.device, "cookie": way.cookie}
    there = [name for name, one in ways.items() if one is not None]
    if not there:
        return f"{client.title} has no log-in: import a key file with --import FILE"
    return f"{client.title} has no log-in by {kind}, only by {' or '.join(there)}"


def new_ticket(redirect: str, *, short: bool = False) -> Ticket:
    """Chance for one log-in. short: a verifier of 43 characters, as device flows use, in place of 128."""
    verifier = secrets.token_urlsafe(32 if short else 96)
    challenge = create_s256_code_challenge(verifier)
    return Ticket(secrets.token_hex(16), Secret(verifier), str(challenge), redirect, secrets.token_hex(16))


# --- keeping --------------------------------------------------------------------------------------------------------

_RENEWED = frozenset(
    {*EXPIRY, *LAST_REFRESH, *NESTED, "access_token", "accessToken", "refresh_token", "refreshToken", "id_token"}
    | {"token_type", "expires_in", "timestamp", "cookie", "api_key", "is_setup_token", "setup_token"}
)
"""Members that a new log-in replaces, or takes away if it has none; all others of an old file stay."""

TRIES = 5


def keep(store: Store, account: Account, identity: tuple[str, ...]) -> Saved:
    """Write an account: into the file that it has already, whose other members stay, or into a new one.

    Raises store.Unavailable, and Failed where somebody else writes the same file all the time.
    """
    for _ in range(TRIES):
        name = _same(store, account, identity) or account.name
        with store.locked(name):
            there = store.read(name)
            old = _read(name, there.content) if there is not None else None
            if there is not None and (old is None or old.type != account.type):
                account = replace(account, name=_another(store, account.name))
                continue
            body = _merged(old, account)
            merged = replace(old, body=body) if old is not None else Account(name, body)
            try:
                store.write(name, write_account(merged), there.revision if there is not None else None)
            except Conflict:
                if there is None:  # half a file, or one that somebody has just made
                    account = replace(account, name=_another(store, account.name))
                continue
            return Saved(merged, new=old is None)
    raise Failed(f"{account.name} is being written by another program: try again", code="conflict")


def _merged(old: Account | None, account: Account) -> dict[str, Any]:
    before = old.body if old is not None else {}
    return {name: value for name, value in before.items() if name not in _RENEWED} | dict(account.body)


def _same(store: Store, account: Account, identity: tuple[str, ...]) -> str:
    """The file of the same account, "" if there is none."""
    for name in store.names():
        there = store.read(name)
        other = _read(name, there.content) if there is not None else None
        if other is None or other.type != account.type:
            continue
        if name == account.name:
            return name
        shared = [(other.body.get(key), account.body.get(key)) for key in identity]
        shared = [(one, two) for one, two in shared if one and two]
        if shared and all(one == two for one, two in shared):
            return name
    return ""


def _read(name: str, content: bytes) -> Account | None:
    try:
        return read_account(name, content)
    except BadFile:
        return None


def _another(store: Store, name: str) -> str:
    """A name nobody has."""
    taken, stem = set(store.names()), name.removesuffix(".json")
    return next(f"{stem}-{number}.json" for number in range(2, len(taken) + 3) if f"{stem}-{number}.json" not in taken)


def take_directory(store: Store, several: list[Taken], tell: Callable[[str], None]) -> int:
    """Copy the files of an auth directory that are not here yet, byte for byte. How many there were.

    A file of the same name with another content stays as it is here.
    """
    count = 0
    for taken in several:
        if taken.why_not:
            tell(f"{taken.name}: {taken.why_not}")
            continue
        there = store.read(taken.name)
        if there is not None:
            same = there.content == taken.content
            tell(
                f"{taken.name}: {'is here already' if same else 'is here already, with another content: left as it is'}"
            )
            continue
        try:
            store.write(taken.name, taken.content, None)
        except Conflict:
            tell(f"{taken.name}: was made by another program meanwhile: left as it is")
            continue
        tell(f"{taken.name}: taken over")
        count += 1
    return count
