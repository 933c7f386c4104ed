"""Is a written request what the upstream's official library would let pass? Unknown keys are faults.

The judges are those of the fake upstreams; where the libraries' types are too narrow is listed in upstreams/gaps.py.
"""

import json

from tests.upstreams import claude, gemini, openai_chat, openai_responses
from translators.dialect import Outgoing


def faults_of(upstream: str, outgoing: Outgoing) -> list[str]:
    """What is wrong with a request to an upstream of that dialect, one line a fault, each with its path."""
    body = json.loads(outgoing.body)
    match upstream:
        case "claude":
            return claude.shape_faults(body, beta="anthropic-beta" in outgoing.headers)
        case "gemini":
            return gemini.shape_faults(body, camel_only=True)
        case "openai-responses":
            return openai_responses.shape_faults(body)
        case _:
            return openai_chat.shape_faults(body)
