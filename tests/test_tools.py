"""scripts/translate and scripts/mutants, called as functions."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
TURN = b'{"role": "user", "content": "hi"}'
REQUEST = b'{"model": "m", "max_tokens": 9, "system": "Be brief.", "top_k": 5, "messages": [%s]}' % TURN
STREAM = b"""event: message_start
data: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"x","content":[],\
"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello."}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":2}}

event: message_stop
data: {"type":"message_stop"}

"""


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"cliproxy_script_{name}", ROOT / "scripts" / "lib" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(tmp_path, capsys):
    """scripts/translate: status, standard output, standard error."""
    translate = script("translate")

    def call(body: bytes, *words: str) -> tuple[int, str, str]:
        (tmp_path / "body").write_bytes(body)
        status = translate.main([*words, str(tmp_path / "body")])
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


def test_a_request(run):
    """The body on standard output, what was lost on standard error."""
    status, out, err = run(REQUEST, "--from", "claude", "--to", "openai-chat", "--raw")
    assert (status, '"content":"Be brief."' in out) == (0, True)
    assert "lost    $.top_k" in err


def test_a_request_explained(run):
    """A line for each value: path, fate, path upstream."""
    _, _, err = run(REQUEST, "--from", "claude", "--to", "gemini", "--explain")
    lines = {line.split()[0]: line.split()[1:] for line in err.splitlines()}
    assert lines["$.system"] == ["moved", "$.systemInstruction.parts[0].text"]
    assert lines["$.top_k"] == ["moved", "$.generationConfig.topK"]


def test_a_stream_and_an_error(run):
    """A stream comes out as the other dialect's stream, an error as its error."""
    status, out, _ = run(STREAM, "--from", "claude", "--to", "openai-chat")
    assert (status, out.rstrip().endswith("data: [DONE]")) == (0, True)
    error = b'{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}'
    status, out, _ = run(error, "--from", "claude", "--to", "gemini", "--status", "529")
    assert (status, '"UNAVAILABLE"' in out) == (0, True)


def test_what_cannot_be_translated(run):
    """The client's error, and status 1; strict refuses what changes the answer."""
    status, _, err = run(b'{"model": "m", "max_tokens": 9, "messages": 5}', "--from", "claude", "--to", "gemini")
    assert (status, "$.messages" in err) == (1, True)
    stops = b'{"model": "m", "messages": [{"role": "user", "content": "hi"}], "n": 3}'
    status, _, err = run(stops, "--from", "openai-chat", "--to", "claude", "--strict")
    assert status == 1


def test_a_check(run):
    """Nothing to mend in a sound stream; a missing event is named; a request is no answer."""
    assert run(STREAM, "--check", "claude")[0] == 0
    status, out, _ = run(STREAM.replace(b'"index":0', b'"index":1'), "--check", "claude")
    assert (status, "event 1 $.index" in out) == (1, True)
    assert run(REQUEST, "--check", "claude")[0] == 2


def test_every_mutant_has_its_place():
    """What a mutant breaks stands once in its file."""
    mutants = script("mutants")
    assert len(mutants.MUTANTS) >= 10
    for mutant in mutants.MUTANTS:
        assert mutants.broken(mutant, (ROOT / mutant.file).read_text(encoding="utf-8"))
