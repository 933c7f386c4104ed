"""A dialect of your own, told as what differs from one that stands: Chat Completions as vLLM and SGLang serve it.

Their chat templates are told to think or not by `chat_template_kwargs`, and do not know `reasoning_effort`. In the
config:

    extensions: [examples/dialect_variant.py]
    openai-compatibility:
      - name: my-server
        base-url: http://127.0.0.1:8000/v1
        dialect: vllm-chat
        models: [{name: Qwen/Qwen3-32B, alias: qwen3}]

A dialect that resembles no other brings all the functions that translators/dialect.py lists, in one file or a folder.
"""

from dataclasses import replace

import msgspec

from translators.dialect import Aim, Outgoing
from translators.losses import Ledger
from translators.model import Request
from translators.openai_chat import DIALECT as CHAT
from translators.registry import register


def write_request(request: Request, aim: Aim, ledger: Ledger) -> Outgoing:
    """As Chat Completions, with thinking switched in the template. Loses how much to think."""
    wanted = request.reasoning
    outgoing = CHAT.write_request(msgspec.structs.replace(request, reasoning=None), aim, ledger)
    if wanted is None:
        return outgoing
    ledger.apply("template-thinking", request.at.get("reasoning", "$"), "$.chat_template_kwargs.enable_thinking")
    body = msgspec.json.decode(outgoing.body, type=dict[str, msgspec.Raw])
    body["chat_template_kwargs"] = msgspec.Raw(msgspec.json.encode({"enable_thinking": wanted.mode != "off"}))
    return replace(outgoing, body=msgspec.json.encode(body))


register(replace(CHAT, name="vllm-chat", path="/chat/completions", write_request=write_request))
