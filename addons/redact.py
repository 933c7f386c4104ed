"""Keys out of whatever can be seen: requests before anybody looks at them, comments, errors, and every line of a log.

Bodies are the engine's business, which knows what is sent and what is shown; records that of `Record`. In a flow of
ours, then, no secret of this process is ever seen, neither while it is under way nor saved.
"""

import logging
import traceback
from collections.abc import Callable
from typing import Any

from mitmproxy import flow as flows
from mitmproxy.addonmanager import Loader
from mitmproxy.http import HTTPFlow

from addons.inspection.plain import KEY
from addons.runtime import Runtime
from addons.settings import Settings


class Redact:
    """Comes after Guard, which still wants to see what stood there."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._make: Callable[..., logging.LogRecord] | None = None

    def load(self, _loader: Loader) -> None:
        """Logs are masked where they begin: handlers come and go, and each formats tracebacks by itself."""
        if self._make is None:
            self._make = logging.getLogRecordFactory()
            logging.setLogRecordFactory(self._record)

    def done(self) -> None:
        """The script is taken out."""
        if self._make is not None and logging.getLogRecordFactory() == self._record:
            logging.setLogRecordFactory(self._make)
        self._make = None

    def _record(self, *arguments: Any, **named: Any) -> logging.LogRecord:
        record = (self._make or logging.LogRecord)(*arguments, **named)
        runtime: Runtime | None = getattr(self.settings, "runtime", None)  # none before the config is read
        if runtime is None:
            return record
        try:
            message = record.getMessage()
            if record.exc_info:
                message = "\n".join((message, "".join(traceback.format_exception(*record.exc_info)).rstrip()))
        except Exception:  # logging's own complaint will name the line
            return record
        told = runtime.redactor.text(message)
        if told != message:
            record.msg, record.args, record.exc_info = told, None, None
        return record

    def requestheaders(self, flow: HTTPFlow) -> None:
        """Before the flow is in any list."""
        if not flow.live:
            return
        masker, request = self.settings.runtime.redactor.masker, flow.request
        headers = list(request.headers.items())
        suspect = masker.suspects([request.path, *(value for _, value in headers)])
        for name, value in headers:
            told = masker.header(name, value, suspect=suspect)
            if told != value:
                request.headers[name] = told
        if suspect or "?" in request.path:
            request.path = masker.path(request.path)

    def response(self, flow: HTTPFlow) -> None:
        """What was said of a request that came to no exchange; of the others Record takes care."""
        self._close(flow)

    def error(self, flow: HTTPFlow) -> None:
        """The same where the connection broke."""
        self._close(flow)

    def _close(self, flow: HTTPFlow) -> None:
        if not flow.live:
            return
        redactor = self.settings.runtime.redactor
        flow.comment = redactor.text(flow.comment)
        if flow.error is not None and (told := redactor.text(flow.error.msg)) != flow.error.msg:
            flow.error = flows.Error(told, flow.error.timestamp)
        if isinstance(kept := flow.metadata.get(KEY), dict):
            flow.metadata[KEY] = redactor.record(kept)
