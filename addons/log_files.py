"""Where log files are, what they are called, and which of them must go. Names and places are CLIProxyAPI's."""

import os
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

MAIN = "main.log"
_UNFIT = re.compile(r'[/:<>"|?*\s]+')
_LOGS = ("*.log", "*.log.gz")


def application_folder(env: Mapping[str, str], here: Path, auth_dir: Path) -> Path:
    """Of main.log: $WRITABLE_PATH/logs, ./logs where one may write, the auth directory's logs."""
    if told := env.get("WRITABLE_PATH", "").strip():
        return Path(told) / "logs"
    return here / "logs" if os.access(here, os.W_OK) else auth_dir / "logs"


def request_folder(env: Mapping[str, str], config: Path | None) -> Path | None:
    """Of request logs: $WRITABLE_PATH/logs, else beside the config file; without one there are none."""
    if told := env.get("WRITABLE_PATH", "").strip():
        return Path(told) / "logs"
    return config.parent / "logs" if config is not None else None


def request_name(path: str, when: datetime, mark: str, *, error: bool) -> str:
    """`v1-messages-2026-02-20T101112-a1b2c3d4.log`, with `error-` before it where only errors are written."""
    stem = re.sub("-+", "-", _UNFIT.sub("-", path.partition("?")[0].lstrip("/"))).strip("-")[:100] or "root"
    return f"{'error-' if error else ''}{stem}-{when:%Y-%m-%dT%H%M%S}-{mark}.log"


def rotated_name(when: datetime) -> str:
    """`main-2026-02-20T10-11-12.345.log`."""
    return f"main-{when:%Y-%m-%dT%H-%M-%S}.{when.microsecond // 1000:03}.log"


def keep_errors(folder: Path, count: int) -> None:
    """The newest error logs stay; 0: all."""
    if count:
        for _, path in _by_age(folder.glob("error-*.log"))[:-count]:
            path.unlink(missing_ok=True)


def keep_size(folder: Path, limit: int) -> None:
    """The oldest files go until the rest has at most `limit` bytes (0: no limit). main.log never goes."""
    found = _by_age(path for pattern in _LOGS for path in folder.glob(pattern)) if limit else []
    total = sum(size for size, _ in found)
    for size, path in found:
        if total <= limit:
            return
        if path.name != MAIN:
            path.unlink(missing_ok=True)
            total -= size


def _by_age(paths: Iterable[Path]) -> list[tuple[int, Path]]:
    """Size and path, the oldest first; what has vanished meanwhile is left out."""
    found = []
    for path in paths:
        try:
            state = path.stat()
        except FileNotFoundError:
            continue
        found.append((state.st_mtime_ns, path.name, state.st_size, path))
    return [(size, path) for _, _, size, path in sorted(found)]
