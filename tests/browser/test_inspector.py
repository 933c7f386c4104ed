"""What a person sees in mitmweb, in a real browser: stories in the list, views in the menu, commands that run."""

import os
from collections.abc import Iterator

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from addons.views import VIEWS
from tests.browser.inspector import Inspector, browser, found
from tests.browser.situations import STORY, Stage, stage

pytestmark = pytest.mark.skipif(
    found() is None and not os.environ.get("CI"), reason="no Chromium here: apt-get install chromium chromium-driver"
)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """mitmweb after everything has happened once."""
    with stage(tmp_path_factory.mktemp("web")) as here:
        for situation in STORY:
            situation.play(here)
        yield here


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    with browser(tmp_path_factory.mktemp("chromium")) as started:
        yield started


@pytest.fixture
def page(played: Stage, driver: WebDriver) -> Inspector:
    """The list of flows, as it is when one comes."""
    return Inspector(driver, played.inspector)


def test_the_list_tells_what_happened(page: Inspector) -> None:
    comments = page.comments()
    assert comments[0].startswith("claude→gemini-cli · gemini-2.5-pro · alice 429 → bob · ")
    assert comments[0].endswith("4,218 (3,072 cached)→161 (58 thought) tok · tool · 3 drops")
    assert sum("All credentials for model gemini-2.5-flash are cooling down" in each for each in comments) == 3
    assert any(" · alice broke off · " in each for each in comments)
    assert page.width("td.col-comment") > 800


def test_a_filter_finds_the_failovers(page: Inspector) -> None:
    page.search('~comment "429 →"')
    page.until(lambda: len(page.comments()) == 2)
    assert [each.split(" · ")[2] for each in page.comments()] == ["alice 429 → bob", "gemini:1 429 → gemini:2 429"]


CAUSES = [
    ("qwen3-coder-480b", "answer", 0, "call Write call_fake0 [arguments cut: a client cannot run it]"),
    ("qwen3-coder-480b", "conversation", 0, "max output 256"),
    ("gemini:1 429", "attempts", 0, "You exceeded your current quota; for the credential that means: quota"),
    ("claude-sonnet-4-6", "turn diff", 1, "The cache breaks at $.system[0].text"),
    ("claude-opus-4-6→qwen3-coder-30b", "attempts", 0, "lab:1       lab       openai-chat  qwen3-coder-30b"),
    ("alice broke off", "attempts", 0, "peer closed connection"),
    ("alice broke off", "emitted", 0, "response.failed"),
    ("Invalid schema for function 'search_issues'", "upstream request", 0, '"name": "search_issues"'),
    ("alice 400 → alice", "translation", 0, "$.messages[1].content[0]  the upstream refused reasoning"),
    ("groq:1 · 1.", "attempts", 0, "░" * 70),
    ("mistral:1 401", "attempts", 0, "the upstream mistral says (auth): Unauthorized: invalid API key"),
    ("✗ client: the API key", "attempts", 0, "nobody was asked"),
    ("claude-sonnet-5", "translation", 0, "!  $.messages[0].content[1]  image of type image/bmp"),
]
"""What docs/debugging.md promises: a line in the list, a view, which of several flows, and the cause in its text."""


def test_each_cause_is_where_the_page_says(played: Stage) -> None:
    missing = [one for one in CAUSES if one[3] not in played.told(one[0], one[1], one[2])]
    assert missing == []


SAID = {
    "answer": ["4,218 (3,072 cached)→161 (58 thought) tok", "call Edit", '"new": "threading.RLock()"', "re-entrant"],
    "attempts": ["Quota exceeded for this minute", "answered by bob", "░"],
    "conversation": ["claude · gemini-2.5-pro · streamed", "Read(path: string)", "The service hangs", "image/png"],
    "emitted": ["event: message_start", "event: message_stop"],
    "translation": ["claude → gemini-cli", "$.system[0].cache_control"],
    "turn diff": ["No earlier request of this conversation", "4,218 tokens in, 3,072 of them from the cache"],
    "upstream request": ["bob-project-1", "Bearer [bob]", "Bearer [alice]"],
    "upstream response": ["429 Too Many Requests", "traceId"],
}
"""What a person looks for in a view of the first flow."""


def test_each_view_is_in_the_menu_and_tells_something(page: Inspector) -> None:
    page.open("alice 429")
    offered = page.views()
    for view in VIEWS:
        name = view.name.lower()
        assert name in offered
        text = page.view(name)
        assert "Couldn't parse" not in text
        assert [piece for piece in SAID.get(name, [""]) if piece not in text] == []


def test_the_other_tabs_are_mitmproxys(page: Inspector) -> None:
    page.open("alice 429")
    assert '"model": "gemini-2.5-pro"' in page.view("json")
    assert "alice 429 → bob" in page.tab("Comment")


def test_commands_run(page: Inspector) -> None:
    page.open("alice 429")
    assert "curl" in page.command("export.formats")


def test_the_focus_of_commands_is_the_flow_that_was_opened(page: Inspector) -> None:
    for piece, path in (("broke off", "/v1/responses"), ("gpt-5.5", "/v1/chat/completions")):
        page.open(piece)
        assert "POST" in page.tab("Request")
        assert page.view("conversation")
        assert page.command("cut @focus request.path").rpartition("request.path")[2].strip().startswith(f'[["{path}"]]')
