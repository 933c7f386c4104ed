"""`logging-to-file`: main.log with a line for each request, in CLIProxyAPI's form; written by a thread.

[2026-02-20 10:11:12] [a1b2c3d4] [info ] [logs.py:123] 200 |        1.234s |       127.0.0.1 | POST    "/v1/messages"
"""

import contextlib
import logging
import os
import queue
import time
from datetime import datetime
from logging.handlers import QueueHandler, QueueListener
from pathlib import Path

from mitmproxy.http import HTTPFlow

from addons.config.model import Config
from addons.log_files import MAIN, application_folder, keep_size, rotated_name
from addons.private_files import private_folder
from addons.request_log import MARK
from addons.settings import Settings

log = logging.getLogger(__name__)

ROTATED_AT = 10 * 1024 * 1024
WAITING = 10_000
"""Lines that may wait for the disk; more are left out."""
EVERY = 60.0
LEVELS = {"WARNING": "warn ", "CRITICAL": "error", "ALERT": "info "}


class Logs:
    """Comes early: what is logged at the start belongs into the file, too."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._config: Config | None = None
        self._handler: Waiting | None = None
        self._listener: QueueListener | None = None
        self._queue: queue.Queue[logging.LogRecord] = queue.Queue(WAITING)

    def configure(self, _updated: set[str]) -> None:
        """The config may be another."""
        self._follow()

    def response(self, flow: HTTPFlow) -> None:
        """A request is answered."""
        self._access(flow)

    def error(self, flow: HTTPFlow) -> None:
        """It ended otherwise."""
        self._access(flow)

    def done(self) -> None:
        """mitmproxy ends: what waits is written."""
        self._stop()

    def _follow(self) -> None:
        runtime = self.settings.runtime
        if runtime.config is self._config:
            return
        before, self._config = self._config, runtime.config
        settled = ("logging_to_file", "logs_max_total_size_mb", "auth_dir", "debug")
        if before is not None and all(getattr(before, name) == getattr(runtime.config, name) for name in settled):
            return
        self._stop()
        if runtime.config.logging_to_file:
            self._start(runtime.config)

    def _start(self, config: Config) -> None:
        folder = application_folder(os.environ, Path.cwd(), config.auth_path(Path.home()))
        try:
            private_folder(folder)
            file = MainLog(folder, config.logs_max_total_size_mb * 1024 * 1024)
        except OSError as error:
            log.warning("logging-to-file: %s cannot be written: %s", folder / MAIN, error)
            return
        self._queue = queue.Queue(WAITING)
        self._handler = Waiting(self._queue)
        self._handler.setLevel(logging.DEBUG if config.debug else logging.INFO)
        self._listener = QueueListener(self._queue, file)
        self._listener.start()
        logging.getLogger().addHandler(self._handler)

    def _stop(self) -> None:
        if self._handler is not None and self._listener is not None:
            logging.getLogger().removeHandler(self._handler)
            with contextlib.suppress(queue.Empty):
                while self._queue.full():  # room for the word that ends it
                    self._queue.get_nowait()
            self._listener.stop()
            for handler in self._listener.handlers:
                handler.close()
            self._handler = self._listener = None

    def _access(self, flow: HTTPFlow) -> None:
        self._follow()
        if self._handler is None or not flow.live:
            return
        status = flow.response.status_code if flow.response is not None else 499
        level = logging.INFO if status < 400 else logging.WARNING if status < 500 else logging.ERROR
        address = flow.client_conn.peername[0] if flow.client_conn.peername else "-"
        took = time.time() - flow.request.timestamp_start
        line = access_line(status, took, address, flow.request.method, flow.request.path)
        if flow.error is not None:
            line += f" | {flow.error.msg}"
        record = log.makeRecord(
            log.name, level, __file__, 0, line, (), None, extra={"request_id": flow.metadata.get(MARK, "")}
        )
        self._handler.handle(record)


def access_line(status: int, seconds: float, address: str, method: str, path: str) -> str:
    """`200 |        1.234s |     203.0.113.7 | POST    "/v1/messages"`."""
    return f'{status:3} | {_lasted(seconds):>13} | {address:>15} | {method:<7} "{path}"'


def _lasted(seconds: float) -> str:
    if seconds >= 60:
        return f"{int(seconds) // 60}m{int(seconds) % 60}s"
    return f"{seconds:.3f}s" if seconds >= 1 else f"{int(seconds * 1000)}ms"


class Waiting(QueueHandler):
    """Never waits, and never complains: a log must not stop what it tells of."""

    def enqueue(self, record: logging.LogRecord) -> None:
        """Put it in the queue, if there is room."""
        with contextlib.suppress(queue.Full):
            self.queue.put_nowait(record)


class MainLog(logging.FileHandler):
    """main.log, and what becomes of it at 10 MB. limit: bytes of the folder's log files, 0 for no limit."""

    def __init__(self, folder: Path, limit: int) -> None:
        super().__init__(folder / MAIN, encoding="utf-8", errors="backslashreplace")
        os.chmod(folder / MAIN, 0o600)
        self.folder, self.limit = folder, limit
        self.formatter = Lines()
        self._looked = -EVERY

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line; in the listener's thread."""
        super().emit(record)
        try:
            self._look()
        except OSError:
            self.handleError(record)

    def _look(self) -> None:
        """Is it time for a new file, and for old ones to go?"""
        if self.stream is not None and self.stream.tell() >= ROTATED_AT:
            self.close()
            (self.folder / MAIN).rename(self.folder / rotated_name(datetime.now()))
            self.stream = self._open()
            os.chmod(self.folder / MAIN, 0o600)
        now = time.monotonic()
        if now - self._looked >= EVERY:
            self._looked = now
            keep_size(self.folder, self.limit)


class Lines(logging.Formatter):
    """The form of a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Time, request, level, source, message."""
        when = datetime.fromtimestamp(record.created)
        level = LEVELS.get(record.levelname, f"{record.levelname.lower():<5}")
        mark = getattr(record, "request_id", "") or "--------"
        source = f"{record.filename}:{record.lineno}"
        return f"[{when:%Y-%m-%d %H:%M:%S}] [{mark}] [{level}] [{source}] {record.getMessage()}"
