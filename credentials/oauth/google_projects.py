"""The project of a Google log-in whose file names none: asked for when a request needs it, once, and remembered.

Google is asked, and the account signed up if need be, by the steps that `Projects.use` is given. What it says is
written into the file, unless that names a project by then; other requests for the same account wait for the same
answer.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol

from credentials.account import BadFile, read_account, write_account
from credentials.model import Credential, Secret
from credentials.oauth import flow
from credentials.oauth.flow import Steps
from credentials.store import Conflict, Store, Unavailable

log = logging.getLogger(__name__)

PROVIDERS = ("gemini-cli", "antigravity")
REFUSED = ("no_project", "ineligible", "SERVICE_DISABLED")
"""Codes of `Failed` that say that this account has no project, and not that Google could not be asked."""

_TRIES = 3


class Drive(Protocol):
    """Runs steps, as credentials.oauth.flow.drive does. Raises Failed."""

    def __call__(self, steps: Steps[str], *, proxy: str | None) -> Awaitable[str]: ...


class Projects:
    """Belongs to one event loop. Finds nothing until `use` says where to ask and where to remember."""

    def __init__(self) -> None:
        self._store: Callable[[], Store | None] = lambda: None
        self._steps: Callable[[str, Secret], Steps[str]] | None = None
        self._drive: Drive = flow.drive
        self._known: dict[str, str] = {}
        self._flights: dict[str, asyncio.Task[str]] = {}

    def use(
        self, store: Callable[[], Store | None], steps: Callable[[str, Secret], Steps[str]], drive: Drive = flow.drive
    ) -> None:
        """steps: of a provider's key and an access token; raises Failed. store: None is memory only."""
        self._store, self._steps, self._drive = store, steps, drive

    def missing(self, credential: Credential) -> bool:
        """A project has to be found before a request can use the credential."""
        named = credential.facts.get("project_id") or credential.facts.get("project")
        return (
            self._steps is not None
            and credential.kind == "oauth"
            and credential.provider in PROVIDERS
            and bool(credential.secret)
            and not named
        )

    async def placed(self, credential: Credential, proxy: str | None = None) -> Credential:
        """The credential with its project: as known, else as Google says. Raises Failed."""
        name = credential.id.partition("::")[0]
        if name not in self._known:
            flight = self._flights.get(name)
            if flight is None:
                flight = asyncio.ensure_future(self._ask(name, credential, proxy))
                self._flights[name] = flight
                flight.add_done_callback(lambda done: self._landed(name, done))
            await asyncio.shield(flight)
        return replace(credential, facts={**credential.facts, "project_id": self._known[name]})

    def _landed(self, name: str, done: asyncio.Task[str]) -> None:
        self._flights.pop(name, None)
        if not done.cancelled():
            done.exception()  # whoever waited has it; who went away does not want it

    async def _ask(self, name: str, credential: Credential, proxy: str | None) -> str:
        assert self._steps is not None
        project = await self._drive(self._steps(credential.provider, credential.secret), proxy=proxy)
        if (store := self._store()) is not None:
            project = await asyncio.to_thread(remember, store, name, project)
        self._known[name] = project
        return project


def remember(store: Store, name: str, project: str) -> str:
    """Write a project into a file that names none. Gives what the file names by now.

    A file that is gone, bad or cannot be written now keeps nobody from using the project.
    """
    for _ in range(_TRIES):
        try:
            with store.locked(name):
                stored = store.read(name)
                if stored is None:
                    return project
                account = read_account(name, stored.content)
                if named := account.text("project_id"):
                    return named
                fresh = replace(account, body={**account.body, "project_id": project})
                store.write(name, write_account(fresh), stored.revision)
                return project
        except Conflict:
            continue
        except (BadFile, Unavailable) as error:
            log.warning("%s: its project %s could not be written: %s", name, project, error)
            return project
    return project
