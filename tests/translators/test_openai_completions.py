"""Legacy completions: what a client of `/v1/completions` may send, and what it gets."""

from typing import Any

import httpx
import msgspec
import openai
import pytest
from msgspec import Raw

from translators.dialect import Asked
from translators.errors import Unreadable
from translators.events import Ended, Event, Failed, Started
from translators.fold import fold, unfold
from translators.losses import Ledger
from translators.model import Candidate, Failure, Identity, Logprobs, Reply, Request, Sampling, Stop, Usage
from translators.openai_completions import DIALECT
from translators.parts import Refusal, Text, Thinking, ToolCall

LISTED = Raw(
    b'[{"token":"Hi","logprob":-0.5,"bytes":null,"top_logprobs":[{"token":"Ho","logprob":-1.5,"bytes":null}]},'
    b'{"token":"!","logprob":-0.25,"bytes":null,"top_logprobs":[]}]'
)


def read(**members: Any) -> tuple[Request, Ledger]:
    ledger = Ledger()
    return DIALECT.read_request(msgspec.json.encode({"model": "m", **members}), "", None, ledger), ledger


def asked(request: Request | None = None) -> Asked:
    return Asked(model="mine", stream=True, now=1795000000, seed="5eed", request=request)


def answer(*parts: Any, stop: str = "stop") -> list[Event]:
    listed = [Text(text=part) if isinstance(part, str) else part for part in parts]
    candidate = Candidate(parts=listed, stop=Stop(reason=stop))
    return list(unfold(Reply(candidates=[candidate], id="chatcmpl-1", usage=Usage(input=3, output=2))))


def written(events: list[Event], request: Request | None = None) -> bytes:
    writer = DIALECT.stream_writer(asked(request))
    apart = b"".join(writer.write([event]) for event in events)
    assert DIALECT.stream_writer(asked(request)).write(events) == apart
    return apart


def client_of(body: bytes, kind: str) -> openai.OpenAI:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=body, headers={"content-type": kind}))
    return openai.OpenAI(
        api_key="k", base_url="http://127.0.0.1/v1", max_retries=0, http_client=httpx.Client(transport=transport)
    )


def test_a_maximal_request_is_read():
    request, ledger = read(
        prompt="Say hi",
        best_of=3,
        echo=True,
        frequency_penalty=0.1,
        logit_bias={"1": 1},
        logprobs=2,
        max_tokens=7,
        n=2,
        presence_penalty=0.2,
        seed=0,
        stop="END",
        stream=True,
        stream_options={"include_usage": True},
        suffix="after",
        temperature=0,
        top_p=1,
        user="u",
        foo=1,
    )
    assert [part.text for part in request.turns[0].parts] == ["Say hi"]
    assert request.sampling == Sampling(
        temperature=0, top_p=1, frequency_penalty=0.1, presence_penalty=0.2, seed=0, logit_bias=Raw(b'{"1":1}')
    )
    assert (request.max_output, request.n, request.stops) == (7, 2, ["END"])
    assert request.logprobs == Logprobs(wanted=True, top=2)
    assert (request.stream, request.stream_usage, request.identity) == (True, True, Identity(user="u"))
    assert request.dialect == "openai-completions"
    assert request.at["echo"] == "$.echo"
    assert [(loss.path, loss.semantic) for loss in ledger.losses] == [
        ("$.suffix", True),
        ("$.best_of", True),
        ("$.foo", False),
    ]


@pytest.mark.parametrize(("prompt", "text"), [("x", "x"), (["x"], "x"), (None, "")])
def test_one_prompt_is_one_user_turn(prompt: Any, text: str):
    request, _ = read(prompt=prompt, echo=False)
    assert request.turns[0].parts[0].text == text
    assert "echo" not in request.at


@pytest.mark.parametrize(
    ("members", "path", "words"),
    [
        ({"prompt": ["a", "b"]}, "$.prompt", "2"),
        ({"prompt": []}, "$.prompt", "empty"),
        ({"prompt": [1, 2]}, "$.prompt", "token"),
        ({"prompt": [[1, 2]]}, "$.prompt", "token"),
        ({"prompt": {"a": 1}}, "$.prompt", "object"),
        ({"prompt": "x", "n": 0}, "$.n", "at least 1"),
        ({"prompt": "x", "logprobs": 6}, "$.logprobs", "0 to 5"),
        ({"prompt": "x", "model": 5}, "$.model", "str"),
    ],
)
def test_what_one_conversation_cannot_hold_is_refused(members: Any, path: str, words: str):
    with pytest.raises(Unreadable) as caught:
        read(**members)
    assert caught.value.path == path
    assert words in caught.value.message


def test_what_is_no_json_is_refused():
    with pytest.raises(Unreadable):
        DIALECT.read_request(b"prompt=x", "", None, Ledger())


@pytest.mark.parametrize(
    ("wanted", "logprobs"), [(True, Logprobs(wanted=True)), (False, None), (0, Logprobs(wanted=True, top=0))]
)
def test_logprobs_may_be_a_switch(wanted: Any, logprobs: Logprobs | None):
    assert read(prompt="x", logprobs=wanted)[0].logprobs == logprobs


def test_a_whole_answer():
    events = answer(
        Thinking(text="hm"), "Hi", Refusal(text="!"), ToolCall(id="c", name="f", arguments="{}"), stop="tool"
    )
    body = DIALECT.write_reply(fold(events), asked())
    with client_of(body, "application/json") as client:
        completion = client.completions.create(model="m", prompt="x")
    assert (completion.id, completion.object, completion.model) == ("cmpl-1", "text_completion", "mine")
    assert (completion.choices[0].text, completion.choices[0].finish_reason) == ("Hi!", "stop")
    assert completion.usage is not None
    assert completion.usage.total_tokens == 5


def test_echo_puts_the_prompt_in_front():
    request, _ = read(prompt="Say: ", echo=True)
    events = answer(Text(text="Hi!", logprobs=LISTED), stop="length")
    choice = msgspec.json.decode(DIALECT.write_reply(fold(events), asked(request)))["choices"][0]
    assert choice["text"] == "Say: Hi!"
    assert choice["finish_reason"] == "length"
    assert choice["logprobs"] == {
        "tokens": ["Hi", "!"],
        "token_logprobs": [-0.5, -0.25],
        "top_logprobs": [{"Ho": -1.5}, {}],
        "text_offset": [5, 7],
    }
    with client_of(written(events, request), "text/event-stream") as client:
        chunks = list(client.completions.create(model="m", prompt="x", stream=True))
    assert [chunk.choices[0].text for chunk in chunks] == ["Say: ", "Hi!", ""]
    assert chunks[1].choices[0].logprobs is not None
    assert chunks[1].choices[0].logprobs.text_offset == [5, 7]
    assert chunks[-1].choices[0].finish_reason == "length"


def test_a_stream_counts_only_when_asked():
    counted, _ = read(prompt="x", stream=True, stream_options={"include_usage": True})
    with client_of(written(answer(Thinking(text="hm"), "Hi"), counted), "text/event-stream") as client:
        chunks = list(client.completions.create(model="m", prompt="x", stream=True))
    assert [c.choices[0].text if c.choices else None for c in chunks] == ["Hi", "", None]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.prompt_tokens == 3
    assert b"usage" not in written(answer("Hi"))
    assert written(answer("Hi")).endswith(b"data: [DONE]\n\n")


def test_an_answer_of_a_refusal_and_an_empty_one():
    assert msgspec.json.decode(written(answer(), None).split(b"\n\n")[0][6:])["choices"][0] == {
        "text": "",
        "index": 0,
        "logprobs": None,
        "finish_reason": "stop",
    }
    refused = written(answer(Refusal(text="no"), stop="refusal"))
    assert b'"finish_reason":"stop"' in refused


def test_a_failure_in_the_stream_is_the_last_word():
    body = written([Started("x"), Failed(Failure(kind="server", message="m")), Ended()])
    assert body.startswith(b'data: {"error":')
    assert b"[DONE]" not in body
    with client_of(body, "text/event-stream") as client, pytest.raises(openai.APIError):
        list(client.completions.create(model="m", prompt="x", stream=True))
    assert DIALECT.stream_writer(asked()).ping().startswith(b":")


def test_ids_without_an_upstream_are_made_of_the_seed():
    assert b'"id":"cmpl-5eed"' in written([Started(), *answer("x")[1:]])
    assert b'"id":"cmpl-7f"' in written([Started("msg_7f"), *answer("x")[1:]])
