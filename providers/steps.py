"""What single upstreams want changed in a body that is otherwise their dialect's: functions a provider's data may name.

Each takes a request ready to go and gives it back with the smallest change; one that needs none comes back as it is.
What a step takes out it tells the ledger.
"""

from dataclasses import replace

import msgspec
from msgspec import Raw

from providers.chat_steps import iflow, kimi, kimi_model, qwen
from providers.code_assist_steps import agent, code_assist
from providers.responses_steps import codex, xai
from providers.sending import Sending, Step
from translators.dialect import Outgoing

_object = msgspec.json.Decoder(dict[str, Raw])
_list = msgspec.json.Decoder(list[Raw])

_CALLS = ("functionCall", "function_call", "functionResponse", "function_response")


def drop_call_ids(body: bytes) -> bytes:
    """Take the ids out of function calls and responses: Vertex AI refuses them (its API reference, November 2026).

    Calls and responses are then matched by name and order, which is how a Gemini body has them anyway.
    """
    if b'"id"' not in body:
        return body
    fields = _object.decode(body)
    for outer in ("generateContentRequest", "generate_content_request"):
        if outer in fields:  # the body of a token count
            fields[outer] = Raw(drop_call_ids(bytes(fields[outer])))
            return msgspec.json.encode(fields)
    if "contents" not in fields:
        return body
    contents = [_without_ids(content) for content in _list.decode(fields["contents"])]
    fields["contents"] = Raw(msgspec.json.encode(contents))
    return msgspec.json.encode(fields)


def _without_ids(content: Raw) -> Raw | dict[str, Raw]:
    members = _object.decode(content)
    if "parts" not in members:
        return content
    parts: list[Raw | dict[str, Raw]] = []
    for part in _list.decode(members["parts"]):
        inner = _object.decode(part)
        name = next((name for name in _CALLS if name in inner), "")
        if name:
            call = _object.decode(inner[name])
            call.pop("id", None)
            inner[name] = Raw(msgspec.json.encode(call))
        parts.append(inner if name else part)
    members["parts"] = Raw(msgspec.json.encode(parts))
    return members


def count_contents(body: bytes) -> bytes:
    """A token count as Vertex AI takes it: the contents, the system instruction and the tools, and nothing around them
    (google-genai 1.x, `_CountTokensConfig_to_vertex`).
    """
    fields = _object.decode(body)
    inner = fields.get("generateContentRequest", fields.get("generate_content_request"))
    fields = _object.decode(inner) if inner is not None else fields
    return msgspec.json.encode({name: value for name, value in fields.items() if name in _COUNTED})


_COUNTED = ("contents", "systemInstruction", "system_instruction", "tools")


def _drop_call_ids(outgoing: Outgoing, sending: Sending) -> Outgoing:
    return replace(outgoing, body=drop_call_ids(outgoing.body))


def _drop_session(outgoing: Outgoing, sending: Sending) -> Outgoing:
    """Vertex AI refuses `session_id`, which clients of Code Assist send."""
    if b'"session_id"' not in outgoing.body:
        return outgoing
    fields = _object.decode(outgoing.body)
    if fields.pop("session_id", None) is None:
        return outgoing
    sending.ledger.lose("$.session_id", "Vertex AI has no such field")
    return replace(outgoing, body=msgspec.json.encode(fields))


def _count_contents(outgoing: Outgoing, sending: Sending) -> Outgoing:
    return replace(outgoing, body=count_contents(outgoing.body)) if sending.operation == "count" else outgoing


def _lift_betas(outgoing: Outgoing, sending: Sending) -> Outgoing:
    """`betas` in a body, as Anthropic's libraries take it, belongs into the header."""
    if b'"betas"' not in outgoing.body:
        return outgoing
    fields = _object.decode(outgoing.body)
    said = fields.pop("betas", None)
    if said is None:
        return outgoing
    named = msgspec.json.decode(said)
    betas = [named] if isinstance(named, str) else [name for name in named or () if isinstance(name, str)]
    needed = ",".join([*filter(None, [outgoing.headers.get("anthropic-beta", "")]), *betas])
    headers = outgoing.headers | ({"anthropic-beta": needed} if needed else {})
    return replace(outgoing, body=msgspec.json.encode(fields), headers=headers)


STEPS: dict[str, Step] = {
    "drop_call_ids": _drop_call_ids,
    "drop_session": _drop_session,
    "count_contents": _count_contents,
    "lift_betas": _lift_betas,
    "codex": codex,
    "xai": xai,
    "kimi": kimi,
    "kimi_model": kimi_model,
    "qwen": qwen,
    "iflow": iflow,
    "code_assist": code_assist,
    "antigravity": agent,
}
"""By the name that `steps` in data/providers.yaml uses."""
