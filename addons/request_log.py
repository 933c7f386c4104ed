"""A file for each request (`request-log`), or for each that failed; and a short id by which its lines are found.

The text is made and written by a thread: here only what is recorded already is put aside.
"""

import os
import secrets
import time
from datetime import datetime
from pathlib import Path

from mitmproxy.http import HTTPFlow

from addons.inspection.recorded import Recorded, recorded
from addons.inspection.request_log import request_log
from addons.log_files import keep_errors, keep_size, request_folder, request_name
from addons.private_files import write_new
from addons.settings import Settings
from addons.writer import Writer

MARK = "cliproxy.request_id"
"""Where a request's id stands in its flow's metadata."""
MARKED = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/messages",
    "/v1/responses",
    "/v1beta/models/",
    "/api/provider/",
)
NEVER = ("/v0/management", "/management", "/api/")
LARGEST = 1024 * 1024
"""Bytes of a request's body that an error's file may hold."""
EVERY = 60.0
"""Seconds between two looks at the size of the folder."""


class RequestLog:
    """Comes after Record: everything is known and masked then."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.writer = Writer()
        self._looked = -EVERY  # only the writer's thread touches it

    def requestheaders(self, flow: HTTPFlow) -> None:
        """Give it an id."""
        if flow.live and flow.request.path.startswith(MARKED):
            flow.metadata[MARK] = secrets.token_hex(4)

    def response(self, flow: HTTPFlow) -> None:
        """A request is answered."""
        self._over(flow)

    def error(self, flow: HTTPFlow) -> None:
        """It ended otherwise."""
        self._over(flow)

    def done(self) -> None:
        """mitmproxy ends: what waits is written."""
        self.writer.close()

    def wants(self, flow: HTTPFlow) -> bool:
        """Whether this request is to have a file: then it must be recorded."""
        path = flow.request.path
        failed = flow.response is None or flow.response.status_code >= 400
        if not flow.live or flow.request.method == "GET" or not (failed or self.settings.runtime.config.request_log):
            return False
        if path.startswith(NEVER) and not path.startswith("/api/provider/"):
            return False
        return self._folder() is not None

    def _folder(self) -> Path | None:
        return request_folder(os.environ, self.settings.runtime.path)

    def _over(self, flow: HTTPFlow) -> None:
        folder, found = self._folder(), recorded(flow) if self.wants(flow) else None
        if found is None or folder is None:
            return
        config, errors_only = self.settings.runtime.config, not self.settings.runtime.config.request_log
        mark = str(flow.metadata.get(MARK) or flow.id[:8])
        name = request_name(flow.request.path, datetime.now(), mark, error=errors_only)
        limits = (config.error_logs_max_files, config.logs_max_total_size_mb * 1024 * 1024)
        size = (
            len(found.body) + len(found.emitted) + sum(len(one.raw) + len(one.request_body) for one in found.attempts)
        )
        self.writer.put(lambda: self._write(folder / name, found, errors_only, limits), size)

    def _write(self, path: Path, found: Recorded, errors_only: bool, limits: tuple[int, int]) -> None:
        """In the writer's thread."""
        kind = next((value for name, value in found.headers if name.lower() == "content-type"), "")
        body = not errors_only or (len(found.body) <= LARGEST and not kind.startswith("multipart/"))
        write_new(path, request_log(found, body=body))
        if errors_only:
            keep_errors(path.parent, limits[0])
        now = time.monotonic()
        if now - self._looked >= EVERY:
            self._looked = now
            keep_size(path.parent, limits[1])
