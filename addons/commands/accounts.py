"""Commands about accounts, the same as scripts/accounts and scripts/login: `:cliproxy.accounts`, `:cliproxy.cool ana`.

What takes time (a log-in, a real request, encrypting) goes on beside everything else; its outcome stands in the log.
"""

import asyncio
import logging
import os
import ssl
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
from mitmproxy import ctx
from mitmproxy.exceptions import CommandError

from addons import account_work
from addons.commands.typed import command
from addons.overview import lines_here, named
from addons.refresh import Refresh
from addons.settings import Settings
from addons.trial import Trial
from addons.usage import Usage
from credentials.account import BadFile
from credentials.cipher_keys import key_source
from credentials.file_store import FileStore
from credentials.naming import Named, Unclear, found
from credentials.oauth.flow import Failed
from credentials.oauth.google_projects import Projects
from credentials.oauth.login import Desk, login_for
from credentials.store import Unavailable
from credentials.table import span, table
from providers.spans import read_span

log = logging.getLogger(__name__)

type Work = Coroutine[None, None, None]


class AccountCommands:
    """Holds the log-in under way, if there is one. refresh, projects: those that requests use, too."""

    def __init__(self, settings: Settings, usage: Usage, refresh: Refresh, projects: Projects) -> None:
        self.settings = settings
        self.usage = usage
        self.refresh = refresh
        self.projects = projects
        self._tasks: set[asyncio.Task[None]] = set()
        self._login: asyncio.Task[None] | None = None
        self._pasted: asyncio.Queue[str] = asyncio.Queue()

    def done(self) -> None:
        """The program ends."""
        for task in self._tasks:
            task.cancel()

    # --- looking ----------------------------------------------------------------------------------------------------

    @command("cliproxy.accounts")
    def accounts(self) -> Sequence[str]:
        """The accounts: state, plan, quota, today's requests and tokens, last error."""
        now, auth_dir = time.time(), self.settings.auth_dir
        shown = table(lines_here(self.settings, self.usage, now), now, 0)
        trouble = auth_dir.trouble if auth_dir is not None else ""
        return [*shown, "", trouble] if trouble else shown

    # --- switching --------------------------------------------------------------------------------------------------

    @command("cliproxy.enable")
    def enable(self, name: str) -> Sequence[str]:
        """Use an account again. name: any piece of its name that fits only one."""
        return self._switched(name, off=False)

    @command("cliproxy.disable")
    def disable(self, name: str) -> Sequence[str]:
        """Use an account no more until it is enabled; its token is not renewed meanwhile."""
        return self._switched(name, off=True)

    def _switched(self, name: str, *, off: bool) -> Sequence[str]:
        with _told():
            return account_work.switched(self._store(), found(name, self._named(), files=True), off=off)

    @command("cliproxy.remove")
    def remove(self, name: str) -> Sequence[str]:
        """Put the file of an account away under another name, which brings it back."""
        with _told():
            return account_work.removed(self._store(), found(name, self._named(), files=True))

    @command("cliproxy.cool")
    def cool(self, name: str, time_span: str = "30m", model: str = "") -> Sequence[str]:
        """Let an account rest: 90s, 30m, 2h, 1d; or only one model of it, by the upstream's name."""
        seconds, now = read_span(time_span), time.time()
        if not seconds:
            raise CommandError(f"{time_span!r} is no span of time: write 90s, 30m, 2h or 1d")
        with _told():
            meant = found(name, self._named())
        touched = sum(self.settings.runtime.pool.cool(each.id, seconds, now, model=model) for each in meant)
        return [f"{_names(meant)}: rests for {span(seconds)}" if touched else f"{_names(meant)}: has no such model"]

    @command("cliproxy.clear")
    def clear(self, name: str, model: str = "") -> Sequence[str]:
        """End the rests of an account, or of one model of it."""
        with _told():
            meant = found(name, self._named())
        for each in meant:
            self.settings.runtime.pool.clear(time.time(), credential=each.id, model=model)
        return [f"{_names(meant)}: its rests are ended"]

    # --- what takes time --------------------------------------------------------------------------------------------

    @command("cliproxy.test")
    def test(self, name: str, model: str = "") -> Sequence[str]:
        """Ask an account one real, tiny question. The answer stands in the log."""
        with _told():
            meant = found(name, self._named())
        self._begin(self._test([each.id for each in meant], model))
        return [f"{_names(meant)}: asked; the log tells the answer"]

    async def _test(self, ids: Sequence[str], model: str) -> None:
        runtime = self.settings.runtime
        trial = Trial(self.refresh, self.projects, _trusted())
        for credential in (*runtime.credentials, *runtime.unserved):
            if credential.id in ids:
                came = await trial.run(runtime, credential, model)
                log.log(logging.INFO if came.ok else logging.WARNING, "%s", came)
                if came.ok and not model:
                    runtime.pool.clear(time.time(), credential=credential.id)

    @command("cliproxy.encrypt")
    def encrypt(self) -> Sequence[str]:
        """Encrypt the files of the auth directory. The outcome stands in the log."""
        with _told():
            store = self._store()
        self._begin(self._encrypt(store.folder))
        return [f"encrypting {store.folder}; the log tells when it is done"]

    async def _encrypt(self, folder: Path) -> None:
        source = key_source(os.environ, Path.home())
        try:
            for line in await asyncio.to_thread(account_work.encrypted, folder, source):
                log.info("%s", line)
        except Unavailable as error:
            log.error("%s", error)

    @command("cliproxy.login")
    def login(self, provider: str) -> Sequence[str]:
        """Log in to a provider: claude, codex, gemini-cli, antigravity, qwen, iflow, kimi, xai. The address to open
        stands in the log; `:cliproxy.login.paste` takes the address that the browser ends at, if it cannot come back.
        """
        if self._login is not None and not self._login.done():
            self._login.cancel()
        self._pasted = asyncio.Queue()
        with _told():
            self._login = self._begin(self._log_in(provider, self._store()))
        paste = "if the browser cannot come back, cliproxy.login.paste takes the address that it ends at"
        return [f"logging in to {provider}: the log tells what to open; {paste}"]

    @command("cliproxy.login.paste")
    def paste(self, address: str) -> Sequence[str]:
        """Give the log-in under way the address at which the browser has ended."""
        if self._login is None or self._login.done():
            raise CommandError("no log-in is under way: cliproxy.login PROVIDER begins one")
        self._pasted.put_nowait(address)
        return ["taken; the log tells how it goes on"]

    async def _log_in(self, provider: str, store: FileStore) -> None:
        config = self.settings.runtime.config
        proxy = config.proxy_url if config.proxy_url not in ("", "direct", "none") else None
        desk = Desk(lambda text: log.info("%s", text), None, self._pasted.get)
        try:
            login = login_for(provider, config.oauth, os.environ, store, desk, time.time, proxy=proxy)
            saved = await login.run()
        except (Failed, Unavailable) as error:
            log.error("log-in to %s: %s", provider, error)
        else:
            log.info("%s: %s", saved.account.label, "logged in" if saved.new else "logged in anew")

    # --- parts ------------------------------------------------------------------------------------------------------

    def _begin(self, work: Work) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _named(self) -> list[Named]:
        return named(self.settings)

    def _store(self) -> FileStore:
        auth_dir = self.settings.auth_dir
        if auth_dir is None or not isinstance(auth_dir.store, FileStore):
            raise Unavailable("there is no auth directory")
        return auth_dir.store


@contextmanager
def _told() -> Iterator[None]:
    """What goes wrong is told as commands tell it."""
    try:
        yield
    except (Unavailable, Unclear, BadFile) as error:
        raise CommandError(str(error)) from None


def _names(meant: Sequence[Named]) -> str:
    return ", ".join(f"{each.provider}:{each.label}" for each in meant)


def _trusted() -> ssl.SSLContext | bool:
    """The certificates that mitmproxy trusts for upstreams."""
    if ctx.options.ssl_insecure:
        return False
    file = ctx.options.ssl_verify_upstream_trusted_ca
    folder = ctx.options.ssl_verify_upstream_trusted_confdir
    if not (file or folder):
        return httpx.create_ssl_context(trust_env=False)
    return ssl.create_default_context(cafile=file or None, capath=folder or None)
