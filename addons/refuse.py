"""Answers made here before any exchange exists, in the dialect of the route."""

import time

from mitmproxy.http import HTTPFlow

from addons.engine.terms import failure_response
from addons.inspection.plain import KEY, refused
from addons.record import tell
from translators.dialect import Asked
from translators.model import Failure
from translators.registry import DIALECTS
from translators.routes import Call


def refuse(flow: HTTPFlow, call: Call, failure: Failure) -> None:
    """Answer `flow` with an error."""
    client = DIALECTS[call.dialect]
    asked = Asked(model=call.model, stream=False, now=int(time.time()), seed="0", array=call.array)
    status, body = client.write_failure(failure, asked)
    flow.response = failure_response(status, body, failure)
    flow.metadata[KEY] = refused(call.dialect, call.operation, call.model, failure)
    tell(flow)
