"""The table of accounts as the proxy knows it, and as a script finds it on the disk when no proxy is asked."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from addons import runtime
from addons.accounts import AuthDir
from addons.config.model import Config
from addons.cooldowns import read_kept
from addons.settings import Settings
from addons.usage import Usage
from credentials import orders
from credentials.file_store import open_store
from credentials.naming import Named
from credentials.notes import Note
from credentials.overview import Known, Line, lines_of
from credentials.usage import Count, day_of
from credentials.usage_files import day_in, notes_in


def lines_here(settings: Settings, usage: Usage, now: float) -> list[Line]:
    """Every account as it is in this process."""
    return _lines(settings, usage.notes(), usage.today(), now)


def lines_on_disk(settings: Settings, now: float) -> list[Line]:
    """Every account as files tell: its own, and what a proxy has written of rests, errors and uses."""
    folder = settings.auth_dir.folder if settings.auth_dir is not None else None
    if folder is None:
        return _lines(settings, {}, {}, now)
    return _lines(settings, notes_in(folder), day_in(folder, day_of(now)).totals(), now)


def _lines(settings: Settings, notes: Mapping[str, Note], today: Mapping[str, Count], now: float) -> list[Line]:
    here, auth_dir = settings.runtime, settings.auth_dir
    known = Known(
        credentials=here.credentials,
        rows=here.pool.states(now),
        accounts=here.accounts.known if here.accounts is not None else {},
        bad=auth_dir.unusable() if auth_dir is not None else {},
        away=here.unserved,
        notes=notes,
        today=today,
    )
    return lines_of(known)


def settings_on_disk(
    config: Config, path: Path | None, folder: Path, env: Mapping[str, str] = os.environ, now: float | None = None
) -> Settings:
    """Settings without mitmproxy: config and accounts as a proxy would have them that starts now, with the rests that
    one has written, also those for being refused.
    """
    settings = Settings()
    settings.auth_dir = AuthDir(folder, open_store(folder, env, Path.home()), lambda: None)
    settings.runtime = runtime.make(config, path, None, env, settings.auth_dir.accounts)
    at, kept = time.time() if now is None else now, read_kept(folder)
    settings.runtime.pool.restore([*kept.rests, *kept.refused], at)
    newer = [each for each in orders.read(folder) if each.at > kept.at]
    orders.follow(settings.runtime.pool, newer, at)
    return settings


def named(settings: Settings) -> list[Named]:
    """All that can be named: credentials, and files that cannot be used."""
    here, bad = settings.runtime, settings.auth_dir.unusable() if settings.auth_dir is not None else {}
    every = (*here.credentials, *here.unserved)
    found = [Named(each.id, each.label, each.provider, _file(each.source)) for each in every]
    files = {each.file for each in found}
    return [*found, *(Named(name, name.removesuffix(".json"), "?", name) for name in bad if name not in files)]


def _file(source: str) -> str:
    return source.removeprefix("file:") if source.startswith("file:") else ""
