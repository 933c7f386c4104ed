"""Counts what each credential is used for, and notes what was last seen of it, for people and over a restart.

An exchange that ends is put on a list here, without its bodies. Every few seconds the list is counted, headers are
read, and files written in a thread (credentials/usage_files.py). A directory that is not there is not made for it:
counts then live as long as the program.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from mitmproxy.http import HTTPFlow

from addons.exchanges import Attempt, Exchange, Exchanges
from addons.settings import Settings
from credentials.notes import Note, Trouble, merge, shortened
from credentials.outcomes import CLIENT, REQUEST
from credentials.store import Unavailable
from credentials.usage import Count, Counts, Use, day_of
from credentials.usage_files import add, day_in, notes_in
from providers.quotas import read_windows

log = logging.getLogger(__name__)

INTERVAL = 5.0
"""Seconds between two looks whether there is something new to be written."""


class Told(NamedTuple):
    """Headers of a credential's last answer, unread."""

    at: float
    headers: Sequence[tuple[str, str]]


@dataclass(slots=True)
class Fresh:
    """What is in no file yet: counts by day, notes and headers by the id of the credential."""

    days: dict[str, Counts] = field(default_factory=dict)
    notes: dict[str, Note] = field(default_factory=dict)
    headers: dict[str, Told] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.days or self.notes or self.headers)

    def noted(self) -> dict[str, Note]:
        """The notes, with the limits that the headers tell."""
        found = dict(self.notes)
        for name, told in self.headers.items():
            windows = read_windows({key.lower(): value for key, value in told.headers}, told.at)
            if windows:
                found[name] = replace(found.get(name, _NONE), windows=windows, seen=told.at)
        return found

    def take(self, newer: "Fresh") -> None:
        """Put what came later on top."""
        for day, counts in newer.days.items():
            self.days.setdefault(day, Counts()).merge(counts)
        for name, note in newer.notes.items():
            before = self.notes.get(name, _NONE)
            answered, error = note.answered or before.answered, note.error or before.error
            self.notes[name] = replace(note, answered=answered, error=error)
        self.headers |= newer.headers


class Usage:
    """troubles: why log-ins could not be renewed, by file, as whoever renews them has it now. on_use: told of every
    attempt when its exchange is over (for statistics of another kind).
    """

    def __init__(
        self,
        exchanges: Exchanges,
        settings: Settings,
        troubles: Callable[[], Mapping[str, str]] = dict,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.exchanges = exchanges
        self.settings = settings
        self.on_use: list[Callable[[Use], None]] = []
        self._troubles = troubles
        self._told: dict[str, str] = {}
        self._clock = clock
        self._day, self._midnight = "", 0.0
        self._uses: list[Use] = []
        self._fresh = Fresh()
        self._late = Fresh()
        self._lock = Lock()
        self._task: asyncio.Task[None] | None = None
        self._complained = False

    # --- hooks ------------------------------------------------------------------------------------------------------

    def running(self) -> None:
        """The loop runs: keep the files up to date."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def done(self) -> None:
        """The program ends."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
            self.save()

    def response(self, flow: HTTPFlow) -> None:
        """An exchange is over, well or with a refusal."""
        self._count(flow)

    def error(self, flow: HTTPFlow) -> None:
        """An exchange is over: the client left, or the answer broke."""
        self._count(flow)

    def _count(self, flow: HTTPFlow) -> None:
        exchange = self.exchanges.get(flow)
        if exchange is None or exchange.call.operation == "count_tokens":
            return
        for attempt in exchange.attempts:
            if attempt.credential:
                self._use(exchange, attempt, last=attempt is exchange.attempts[-1])

    def _use(self, exchange: Exchange, attempt: Attempt, *, last: bool) -> None:
        usage = exchange.pump.usage if last and exchange.pump is not None else None
        failure = attempt.failure if attempt.verdict != CLIENT.reason else None
        name, at = attempt.credential, attempt.ended or self._clock()
        use = Use(at, name, attempt.provider, attempt.model, exchange.caller, failure is not None, usage)
        self._uses.append(use)
        for tell in self.on_use:
            tell(use)
        if attempt.answer_headers:
            self._fresh.headers[name] = Told(at, attempt.answer_headers)
        if failure is not None and attempt.verdict != REQUEST.reason:  # that one says nothing about the credential
            text = shortened(exchange.runtime.redactor.text(failure.message))
            status = failure.status or attempt.status
            self._note(name, error=Trouble(at, failure.origin, failure.kind, text, status, attempt.model))
        if len(self._uses) > _MANY:
            self._reckon()

    def _reckon(self) -> None:
        """Count what is on the list."""
        uses, self._uses = self._uses, []
        answered: dict[str, float] = {}
        for use in uses:
            self._fresh.days.setdefault(self._day_of(use.at), Counts()).use(use)
            if not use.failed:
                answered[use.credential] = use.at
        for name, at in answered.items():
            self._note(name, answered=at)

    def _note(self, name: str, *, answered: float = 0.0, error: Trouble | None = None) -> None:
        before = self._fresh.notes.get(name, _NONE)
        self._fresh.notes[name] = replace(before, answered=answered or before.answered, error=error or before.error)

    def _day_of(self, at: float) -> str:
        """The day of a time; asked of the calendar once a day."""
        if not self._midnight - _LONGEST_DAY <= at < self._midnight or not self._day:
            self._day = day_of(at)
            end = datetime.fromisoformat(self._day) + timedelta(days=1)
            self._midnight = end.timestamp()
        return self._day

    # --- looking ----------------------------------------------------------------------------------------------------

    def today(self) -> dict[str, Count]:
        """What was counted since midnight, by the id of the credential; also by earlier runs and other processes."""
        self._reckon()
        day, folder = day_of(self._clock()), self._folder()
        with self._lock:
            counts = day_in(folder, day) if folder is not None else Counts()
            for fresh in (self._late, self._fresh):
                counts.merge(fresh.days.get(day, ()))
        return counts.totals()

    def notes(self) -> dict[str, Note]:
        """What was last seen, by the id of the credential."""
        self._reckon()
        folder, now = self._folder(), self._clock()
        with self._lock:
            there = notes_in(folder) if folder is not None else {}
            return merge(merge(there, self._late.noted(), now), self._fresh.noted(), now)

    def _folder(self) -> Path | None:
        auth_dir = self.settings.auth_dir
        return auth_dir.folder if auth_dir is not None and auth_dir.folder.is_dir() else None

    # --- keeping ----------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            self.take_troubles()
            self._reckon()
            if self._fresh or self._late:
                await asyncio.to_thread(self._write, self._folder(), self._taken())

    def take_troubles(self) -> None:
        """Renewals that failed are errors of their log-ins: noted once, until it is another story."""
        now = dict(self._troubles())
        for name, text in now.items():
            if self._told.get(name) != text:
                trouble = Trouble(self._clock(), "cliproxy", "renewal", shortened(text))
                for each in self.settings.runtime.credentials:
                    if name in (each.id, each.parent):
                        self._note(each.id, error=trouble)
        self._told = now

    def save(self) -> None:
        """Add what is new to the files."""
        self._write(self._folder(), self._taken())

    def _taken(self) -> Fresh:
        self._reckon()
        fresh, self._fresh = self._fresh, Fresh()
        return fresh

    def _write(self, folder: Path | None, fresh: Fresh) -> None:
        """In any thread. What cannot be written is kept, and tried again with what comes next."""
        with self._lock:
            self._late.take(fresh)
            if folder is None or not self._late:
                return
            try:
                add(folder, self._late.days, self._late.noted(), self._clock())
            except Unavailable as error:
                if not self._complained:
                    log.warning("what accounts are used for is not kept over a restart: %s", error)
                self._complained = True
            else:
                self._late = Fresh()


_MANY = 4096
_NONE = Note()
_LONGEST_DAY = 86400.0
