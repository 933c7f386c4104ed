"""scripts/flows on files of recorded flows: whole, cut, of other programs; and mitmdump reading them with us."""

import importlib.util
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from mitmproxy.flow import Flow
from mitmproxy.io import FlowWriter
from mitmproxy.test import tflow

from tests import casefile
from tests.addons.recordings import recording

ROOT = Path(__file__).resolve().parent.parent


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("flows_script", ROOT / "scripts" / "lib" / "flows.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


script = _load()


def write(path: Path, *flows: Flow) -> str:
    with path.open("wb") as file:
        for flow in flows:
            FlowWriter(file).add(flow)
    return str(path)


def changed() -> Flow:
    """A recording whose upstream got something that today's code would not send."""
    flow = recording()
    attempt = flow.metadata["cliproxy"]["attempts"][0]
    attempt["request_body"] = attempt["request_body"].replace(b'"Hi"', b'"Ho"')
    return flow


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One of ours, one of another program, one that differs."""
    return write(tmp_path_factory.mktemp("flows") / "three.mitm", recording(), tflow.tflow(resp=True), changed())


def test_the_list_has_a_line_a_flow(three: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main([three]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["1", "2", "3"]
    assert "claude→openai-chat · x→gpt-x · lab:1" in lines[0]
    assert "GET http://address:22/path" in lines[1]
    assert script.main([three, "list"]) == 0
    assert capsys.readouterr().out.splitlines() == lines


def test_everything_recorded_is_shown(three: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main([three, "show", "1"]) == 0
    told = capsys.readouterr().out
    for word in ("── 1 user ", "Hello <b>", '"stream_options"', "══ Attempts ", "$.top_k"):
        assert word in told, word
    assert script.main([three, "show", "1", "--view", "Conversation"]) == 0
    assert "══" not in capsys.readouterr().out
    assert script.main([three, "show", "2"]) == 2
    assert "not a request to cliproxy" in capsys.readouterr().err


def test_a_difference_ends_with_one(three: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main([three, "translate"]) == 1
    told = capsys.readouterr().out
    assert '~ $.messages[0].content  "Ho" → "Hi"' in told
    assert told.endswith("1 the same, 1 differ, 0 not (wholly) comparable\n")
    assert script.main([three, "translate", "1"]) == 0
    assert script.main([write(tmp_path / "other.mitm", tflow.tflow()), "translate"]) == 2
    assert "no flow of it is a request to cliproxy" in capsys.readouterr().err


def test_payload_rules_come_from_the_config_that_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules = "payload: {override: [{models: [{name: x}], params: {temperature: 1}}]}"
    lab = "openai-compatibility: [{name: lab, base-url: 'http://lab.test', api-key-entries: [{api-key: k}], "
    config = f"{lab}models: [{{name: gpt-x, alias: x}}]}}]\n{rules}"
    file = write(tmp_path / "a.mitm", recording(config=config))
    (tmp_path / "c.yaml").write_text(rules)
    assert script.main([file, "translate"]) == 0
    assert "say which config" in capsys.readouterr().out
    assert script.main([file, "translate", "--config", str(tmp_path / "c.yaml")]) == 0
    assert "1 the same" in capsys.readouterr().out
    (tmp_path / "c.yaml").write_text("port: [")
    assert script.main([file, "translate", "--config", str(tmp_path / "c.yaml")]) == 2


def test_another_upstream(three: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main([three, "translate", "1", "--to", "gemini"]) == 0
    told = capsys.readouterr()
    assert '"contents"' in told.out
    assert "$.messages[0].content  $.contents[0].parts[0].text" in told.err


def test_cases_exports_and_pages(three: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main([three, "case", "1", "3", "-o", str(tmp_path / "cases")]) == 0
    for line in capsys.readouterr().out.splitlines():
        assert casefile.load(Path(line)).settings["client"] == "claude"
    assert script.main([three, "export", "1", "curl", "--base", "http://127.0.0.1:9/"]) == 0
    assert " http://127.0.0.1:9/v1/messages " in capsys.readouterr().out
    assert script.main([three, "page", "1"]) == 0
    assert "## 2 answer" in capsys.readouterr().out
    assert script.main([three, "page", "1", "-o", str(tmp_path / "x.html")]) == 0
    assert "</html>" in (tmp_path / "x.html").read_text()
    assert script.main([three, "page", "1", "-o", str(tmp_path / "x.doc")]) == 2


def test_a_file_that_was_cut_is_read_as_far_as_it_goes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = Path(write(tmp_path / "a.mitm", recording(), recording()))
    file.write_bytes(file.read_bytes()[:-300])
    assert script.main([str(file)]) == 2
    told = capsys.readouterr()
    assert len(told.out.splitlines()) == 1
    assert "damaged, or was cut" in told.err
    assert script.main([str(file), "translate"]) == 2
    assert "1 the same" in capsys.readouterr().out
    file.write_bytes(b"\x00 no flows at all")
    assert script.main([str(file)]) == 2
    assert script.main([str(tmp_path / "nowhere.mitm")]) == 2


def test_wrong_calls(three: str, capsys: pytest.CaptureFixture[str]) -> None:
    for call in (["show", "9"], ["show", "0"], ["page", "2"]):
        assert script.main([three, *call]) == 2
    for call in (["show"], ["nonsense"], ["translate", "--to", "klingon"], ["export", "1", "java"]):
        with pytest.raises(SystemExit) as ended:
            script.main([three, *call])
        assert ended.value.code == 2
    with pytest.raises(SystemExit) as ended:
        script.main(["--help"])
    assert ended.value.code == 0
    assert "scripts/flows FILE translate" in capsys.readouterr().out


def test_mitmdump_reads_the_file_and_opens_no_port(three: str, tmp_path: Path) -> None:
    """The port it would open is taken: it would complain."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        (tmp_path / "config.yaml").write_text(f"port: {taken.getsockname()[1]}\nauth-dir: {tmp_path / 'auth'}\n")
        command = [
            str(Path(sys.executable).with_name("mitmdump")),
            "-nr",
            three,
            "-s",
            str(ROOT / "addons/cliproxy.py"),
        ]
        options = ["--set", f"cliproxy_config={tmp_path / 'config.yaml'}", "--set", f"confdir={tmp_path}"]
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8"}
        done = subprocess.run(
            [*command, *options, "--flow-detail", "3"], env=environment, capture_output=True, text=True, timeout=60
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert "── 1 user " in done.stdout
    assert "Hello <b>" in done.stdout
    assert "rror" not in done.stdout
