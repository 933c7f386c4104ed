"""Which requests get a file, and what stands in it; main.log."""

import logging
import logging.handlers
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from mitmproxy.http import HTTPFlow, Response

from addons.logs import ROTATED_AT, Lines, Logs, MainLog, access_line
from addons.private_files import write_new
from addons.record import Record
from addons.request_log import MARK, RequestLog
from tests.addons.scene import Scene, scene
from translators.model import Failure

ASK = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "a question"}]}


class Files:
    """A proxy whose config stands in a folder."""

    def __init__(self, here: Scene, folder: Path) -> None:
        self.here, self.folder = here, folder
        here.settings.runtime = replace(here.settings.runtime, path=folder / "config.yaml")
        self.log = RequestLog(here.settings)

    def ask(self, status: int = 200, method: str = "POST", path: str = "/v1/messages") -> HTTPFlow:
        """One request and its end."""
        flow = self.here.ask(method, path, ASK)
        exchange = self.here.exchanges.get(flow)
        if exchange is not None and status >= 400:
            exchange.refusal = Failure(kind="server", message="nobody is there", origin="cliproxy")
        self.log.requestheaders(flow)
        if exchange is not None:
            flow.response = Response.make(status, b'{"an":"answer"}')
            Record(self.here.exchanges).response(flow)
        self.log.response(flow)
        return flow

    def written(self) -> list[str]:
        """The files' names, when all are written."""
        self.log.done()
        return sorted(path.name for path in (self.folder / "logs").glob("*"))


@pytest.fixture(params=["request-log: true", "error-logs-max-files: 2"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Files]:
    with scene(request.param) as here:
        yield Files(here, tmp_path)


def test_every_request_or_only_errors(files: Files) -> None:
    flow = files.ask()
    everything = files.here.settings.runtime.config.request_log
    mark = flow.metadata[MARK]
    pattern = re.compile(rf"v1-messages-\d{{4}}-\d\d-\d\dT\d{{6}}-{mark}\.log")
    assert [bool(pattern.fullmatch(name)) for name in files.written()] == ([True] if everything else [])
    for _ in range(3):
        files.ask(status=500)
    names = files.written()
    assert len(names) == (4 if everything else 2)
    assert all(name.startswith("error-") != everything for name in names)


def test_what_is_never_logged(files: Files) -> None:
    files.ask(method="GET", path="/v1/models")
    files.ask(status=500, path="/v0/management/x")
    assert files.written() == []


def test_the_sections_of_a_file(tmp_path: Path) -> None:
    with scene("request-log: true") as here:
        files = Files(here, tmp_path)
        files.ask()
        (name,) = files.written()
        text = (tmp_path / "logs" / name).read_text()
    titles = re.findall(r"^=== (.*) ===$", text, re.MULTILINE)
    assert titles == ["REQUEST INFO", "HEADERS", "REQUEST BODY", "RESPONSE"]
    assert "URL: /v1/messages\nMethod: POST\n" in text
    assert '"a question"' in text
    assert "Status: 200\n" in text
    assert '{"an":"answer"}' in text


def test_without_a_config_file_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with scene() as here:
        files = Files(here, tmp_path)
        here.settings.runtime = replace(here.settings.runtime, path=None)
        files.ask(status=500)
        assert files.written() == []


def test_access_lines() -> None:
    line = '200 |        1.234s |     203.0.113.7 | POST    "/v1/messages"'
    assert access_line(200, 1.2345, "203.0.113.7", "POST", "/v1/messages") == line
    assert "|         234ms |" in access_line(200, 0.2345, "::1", "GET", "/")
    assert "|          1m5s |" in access_line(200, 65.9, "::1", "GET", "/")


def test_main_log_has_a_line_for_each_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with scene("logging-to-file: true") as here:
        logs = Logs(here.settings)
        logs.configure(set())
        try:
            flow = here.ask("POST", "/v1/messages?key=hidden", ASK)
            flow.metadata[MARK] = "a1b2c3d4"
            flow.response = Response.make(429)
            logs.response(flow)
            logging.getLogger("addons.any").warning("a warning of %s", "ours")
        finally:
            logs.done()
        lines = (tmp_path / "logs" / "main.log").read_text().splitlines()
    assert re.fullmatch(
        r'\[[-\d: ]{19}\] \[a1b2c3d4\] \[warn \] \[logs\.py:\d+\] 429 \| .* \| POST    "/v1/messages.*', lines[0]
    )
    assert re.fullmatch(r"\[[-\d: ]{19}\] \[-{8}\] \[warn \] \[test_request_log\.py:\d+\] a warning of ours", lines[1])
    assert not any(isinstance(handler, logging.handlers.QueueHandler) for handler in logging.getLogger().handlers)


def test_main_log_begins_anew_at_its_limit(tmp_path: Path) -> None:
    write_new(tmp_path / "main.log", bytes(ROTATED_AT))
    file = MainLog(tmp_path, 0)
    for text in ("first", "second"):
        file.handle(logging.LogRecord("x", logging.INFO, "x.py", 1, text, (), None))
    file.close()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 2
    assert re.fullmatch(r"main-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}\.log", names[0])
    assert (tmp_path / "main.log").read_text().endswith("second\n")
    assert isinstance(file.formatter, Lines)
