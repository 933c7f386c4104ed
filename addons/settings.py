"""Options and config file → one Runtime, at the start and at each change of the file.

A bad file stops the start and says what to mend; a file that goes bad later changes nothing and says so.
"""

import asyncio
import logging
import os
import time
from pathlib import Path

from mitmproxy import ctx, exceptions
from mitmproxy.addonmanager import Loader

from addons import runtime
from addons.accounts import AuthDir
from addons.config import load as config_file
from addons.config.listen import refusal, tls_refusal
from addons.config.load import Loaded
from addons.config.model import Config
from addons.config.watch import Watcher
from addons.runtime import Runtime
from credentials.accounts import Accounts
from credentials.file_store import open_store

log = logging.getLogger(__name__)


class Settings:
    """Holds the Runtime in force. `runtime` is swapped whole; nobody keeps parts of it longer than an exchange."""

    def __init__(self) -> None:
        self.runtime: Runtime = None  # type: ignore[assignment]  # there is one from configure() on
        self.broken = False
        """The start has failed and mitmproxy is about to end: open no port."""
        self.auth_dir: AuthDir | None = None
        self._start: Config | None = None
        self._watching: asyncio.Task[None] | None = None

    @property
    def http2(self) -> bool:
        """mitmproxy's own switch: speak HTTP/2 with upstreams that can."""
        return bool(ctx.options.http2)

    def offline(self) -> bool:
        """No upstream is ever asked: a cassette answers, or flows are only looked at (-n)."""
        return self.runtime.cassette is not None or not ctx.options.server

    def load(self, loader: Loader) -> None:
        """Declare our options."""
        loader.add_option(
            "cliproxy_config",
            str,
            "",
            "The config file. Empty: $CLIPROXY_CONFIG, ./config.yaml, ~/.cli-proxy-api/config.yaml, or none.",
        )

    def configure(self, updated: set[str]) -> None:
        """Read the config when its name changes (and once at the start)."""
        if self._start is not None and "cliproxy_config" not in updated:
            return
        path = config_file.find(ctx.options.cliproxy_config, os.environ, Path.cwd(), Path.home())
        loaded = config_file.load(path) if path is not None else Loaded(Config())
        for problem in loaded.problems:
            log.log(logging.ERROR if problem.severity == "error" else logging.WARNING, "%s", problem)
        why = f"{path} cannot be used, see above" if loaded.config is None else self._why_not(loaded.config)
        if why and self._start is not None:
            raise exceptions.OptionsError(f"cliproxy: {why}")
        if why:
            # mitmproxy ends, with status 1, when an error was logged before it runs. To raise here would show the
            # person a traceback, and leave the other addons without a Runtime in the meantime.
            log.error("cliproxy does not start: %s", why)
            self.broken = True
        config = loaded.config if loaded.config is not None and not why else Config()
        self._start = self._start or config
        self.runtime = runtime.make(config, path, self.runtime, accounts=self._accounts(config))
        self._watch()

    def _why_not(self, config: Config) -> str:
        """Why this config must not be used where we listen, or "". An address of the command line goes first."""
        return refusal(ctx.options.listen_host or config.host, config.api_keys) or tls_refusal(config.tls)

    def _accounts(self, config: Config) -> Accounts | None:
        """The accounts of the config's auth directory, read anew only if it is another one."""
        folder = config.auth_path(Path.home())
        if self.broken:
            return None
        if self.auth_dir is None or self.auth_dir.folder != folder:
            if self.auth_dir is not None:
                self.auth_dir.stop()
            self.auth_dir = AuthDir(folder, open_store(folder, os.environ, Path.home()), self._accounts_changed)
        return self.auth_dir.accounts

    def _accounts_changed(self) -> None:
        self.runtime = runtime.with_accounts(self.runtime, time.time())

    def running(self) -> None:
        """The loop runs: watch the file."""
        self._watch()

    def done(self) -> None:
        """The script is taken out."""
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
        if self.auth_dir is not None:
            self.auth_dir.stop()

    def _watch_accounts(self) -> None:
        if self.auth_dir is not None and not self.broken:
            self.auth_dir.watch()

    def _watch(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
        self._watch_accounts()
        path = self.runtime.path
        if path is not None and not self.broken:
            watcher = Watcher(path, self.reload, path.read_bytes())
            self._watching = asyncio.get_running_loop().create_task(watcher.run())

    def reload(self, content: bytes) -> None:
        """Take up a changed file: checked whole, swapped at once, or not at all."""
        path = self.runtime.path
        loaded = config_file.parse(content, str(path))
        for problem in loaded.problems:
            log.log(logging.ERROR if problem.severity == "error" else logging.WARNING, "%s", problem)
        if loaded.config is None:
            log.error("%s has errors: the config in use stays as it was", path)
            return
        new, start = loaded.config, self._start or loaded.config
        if why := self._why_not(new):
            log.error("%s: the config in use stays as it was: %s", path, why)
            return
        self.runtime = runtime.make(new, path, self.runtime, accounts=self._accounts(new))
        self._watch_accounts()
        fixed = [name for name in ("host", "port") if getattr(start, name) != getattr(new, name)]
        after = f"; {', '.join(fixed)}: after a restart" if fixed else ""
        count = len(self.runtime.credentials)
        log.info("%s reloaded: %d credential%s%s", path, count, "" if count == 1 else "s", after)
