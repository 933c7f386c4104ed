"""Files of auth directories, one of each provider and version: read, and written back with nothing else changed."""

import json
import string
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from credentials.account import (
    Account,
    BadFile,
    Tokens,
    alike,
    read_account,
    read_time,
    with_tokens,
    write_account,
    write_time,
)
from credentials.model import Secret

SAMPLES = Path(__file__).parents[1] / "data" / "auth"
NOW, LATER = 1_790_000_000.0, 1_790_003_600.0  # 2026-09-21T14:13:20Z, an hour later
FRESH = Tokens(Secret("new-access"), Secret("new-refresh"), LATER)
V6_TIMES = {'"2026-02-25T09:00:00Z"': '"2026-09-21T14:13:20Z"'}
V7_TIMES = {'"2026-08-22T09:00:00Z"': '"2026-09-21T14:13:20Z"'}
END = '"2026-09-21T15:13:20Z"'


class Sample(NamedTuple):
    """What a file says. times: how its times are written before and after a refresh. added: what a refresh puts at its
    end because the file had none.
    """

    provider: str
    label: str
    access: str
    refresh: str
    expires: float
    times: dict[str, str]
    added: str = ""


ANA = "ana@example.com"
JWT = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9."
ADDED = ',"last_refresh":"2026-09-21T14:13:20Z"'
CODEX = Sample("codex", ANA, JWT, "rt_invented-refresh-ana", 1772874000, V6_TIMES | {'"2026-03-07T09:00:00Z"': END})
GEMINI = Sample(
    "gemini-cli", ANA, "ya29.invented-access-ana", "1//invented-refresh-ana", 1772010000.123456,
    {'"2026-02-25T10:00:00.123456+01:00"': '"2026-09-21T16:13:20+01:00"'}, ADDED,
)  # fmt: skip
TABLE = {
    f"v6/claude-{ANA}.json": Sample(
        "claude", ANA, "sk-ant-oat01-invented-access-ana", "sk-ant-ort01-invented-refresh-ana", 1772038800,
        V6_TIMES | {'"2026-02-25T17:00:00Z"': END},
    ),
    f"v6/codex-{ANA}.json": CODEX,
    f"v6/codex-{ANA}-plus.json": CODEX,
    f"v6/codex-2ee3dae3-{ANA}-team.json": CODEX,
    f"v6/gemini-{ANA}-my-proj-1.json": GEMINI,
    f"v6/gemini-{ANA}-all.json": GEMINI,
    f"v6/{ANA}-my-proj-1.json": GEMINI._replace(  # what stands at the top is newer than what is inside `token`
        access="ya29.invented-newer-ana", expires=1772020800, times=GEMINI.times | {'"2026-02-25T12:00:00Z"': END}
    ),
    f"v6/antigravity-{ANA}.json": Sample(
        "antigravity", ANA, "ya29.invented-access-anti", "1//invented-refresh-anti", 1772013600,
        {'"2026-02-25T10:00:00Z"': END}, ADDED,
    ),
    "v6/qwen-ana.json": Sample(
        "qwen", "ana", "invented-access-qwen", "invented-refresh-qwen", 1772031600,
        V6_TIMES | {'"2026-02-25T15:00:00Z"': END},
    ),
    f"v6/iflow-{ANA}-1772010000.json": Sample(
        "iflow", ANA, "invented-access-iflow", "invented-refresh-iflow", 1772182800,
        V6_TIMES | {'"2026-02-27T09:00:00Z"': END},
    ),
    "v6/iflow-ana-1772010001.json": Sample(
        "iflow", "ana", "", "", 1772366400, V6_TIMES | {'"2026-03-01 12:00"': '"2026-09-21 15:13"'}
    ),
    "v6/kimi-1772010000000.json": Sample(
        "kimi", "kimi-1772010000000", JWT, "invented-refresh-kimi", 1772010900, {'"2026-02-25T09:15:00Z"': END}, ADDED
    ),
    "v6/vertex-my-proj-1.json": Sample("vertex", "bot@my-proj-1.iam.gserviceaccount.com", "", "", 0, {}),
    f"v7/claude-{ANA}.json": Sample(
        "claude", ANA, "sk-ant-oat01-invented-access-ana", "sk-ant-ort01-invented-refresh-ana", 1787389200,
        {
            '"2026-08-22T09:00:00+08:00"': '"2026-09-21T22:13:20+08:00"',
            '"2026-08-22T17:00:00+08:00"': '"2026-09-21T23:13:20+08:00"',
        },
    ),
    "v7/claude-setup.json": Sample("claude", ANA, "sk-ant-oat01-invented-setup", "", 1818925200, {}),
    "v7/claude-camel@example.com.json": Sample(
        "claude", "claude-camel@example.com", "sk-ant-oat01-invented-camel", "sk-ant-ort01-invented-camel", 1787389200,
        {"1787389200000": "1790003600000", "1787360400": "1790000000"},
    ),
    f"v7/codex-2ee3dae3-{ANA}-plus.json": CODEX._replace(
        expires=1788253200, times=V7_TIMES | {'"2026-09-01T09:00:00Z"': END}
    ),
    "v7/antigravity.json": Sample(
        "antigravity", "my-proj-1", "ya29.invented-access-anti", "1//invented-refresh-anti", 1787389200 + 3599,
        {}, ADDED + f',"expired":{END}',
    ),
    "v7/kimi-1787389200000.json": Sample(
        "kimi", "kimi-1787389200000", JWT, "invented-refresh-kimi", 1787390100.25,
        V7_TIMES | {"1787390100.25": "1790003600.0"},
    ),
    f"v7/xai-{ANA}.json": Sample(
        "xai", ANA, "invented-access-xai", "invented-refresh-xai", 1787410800,
        V7_TIMES | {'"2026-08-22T15:00:00Z"': END},
    ),
    "v7/vertex-team-a-my-proj-1.json": Sample(
        "vertex", "my-proj-1 (bot@my-proj-1.iam.gserviceaccount.com)", "", "", 0, {}
    ),
}  # fmt: skip


def sample(path: str) -> Account:
    return read_account(path.partition("/")[2], (SAMPLES / path).read_bytes())


def test_every_sample_is_in_the_table():
    assert {path.relative_to(SAMPLES).as_posix() for path in SAMPLES.rglob("*.json")} == TABLE.keys()


@pytest.mark.parametrize("path", TABLE)
def test_a_file_is_read(path):
    account, says = sample(path), TABLE[path]
    assert (account.provider, account.label) == (says.provider, says.label)
    assert account.access.reveal().startswith(says.access)
    assert bool(account.access) == bool(says.access)
    assert account.refresh.reveal() == says.refresh
    assert account.expires == says.expires


@pytest.mark.parametrize("path", TABLE)
def test_an_untouched_file_is_written_as_it_was(path):
    assert write_account(sample(path)) == (SAMPLES / path).read_bytes()


@pytest.mark.parametrize("path", [path for path, says in TABLE.items() if says.refresh])
def test_a_refresh_changes_tokens_and_times_and_nothing_else(path):
    account, says = sample(path), TABLE[path]
    expected = account.source.decode()
    replaced = {account.access.reveal(): "new-access", "ya29.invented-access-ana": "new-access"}
    for old, new in {**replaced, says.refresh: "new-refresh", **says.times}.items():
        expected = expected.replace(old, new)
    head, brace, tail = expected.rpartition("}")
    assert write_account(with_tokens(account, FRESH, NOW)).decode() == head + says.added + brace + tail


@pytest.mark.parametrize("path", TABLE)
def test_a_refreshed_file_reads_as_refreshed_and_is_not_changed_again(path):
    once = with_tokens(sample(path), FRESH, NOW)
    again = read_account(once.name, write_account(once))
    assert again.access == FRESH.access
    assert again.refresh == FRESH.refresh
    assert again.expires == pytest.approx(LATER, abs=60)  # iFlow's form has no seconds
    assert again.refreshed == NOW
    assert write_account(with_tokens(again, FRESH, NOW)) == again.source


def test_without_a_new_refresh_token_the_old_one_stays():
    account = sample(f"v6/claude-{ANA}.json")
    after = with_tokens(account, Tokens(Secret("new-access"), more={"email": None, "plan": "max"}), NOW)
    assert after.refresh == account.refresh
    assert after.expires == account.expires
    assert after.body["email"] == ANA
    assert list(after.body) == [*account.body, "plan"]
    assert account.body == json.loads(account.source)


def test_a_new_account_is_written_for_people():
    account = Account("new.json", {"type": "codex", "label": "büro", "half": "\ud800"})
    assert write_account(account) == b'{\n  "type": "codex",\n  "label": "b\\u00fcro",\n  "half": "\\ud800"\n}'
    assert read_account("new.json", write_account(account)) == account


def test_a_changed_setting_changes_its_own_bytes_only():
    source = b'\xef\xbb\xbf{ "type":"x",\n"n":1e1 , "disabled" : false, "deep": {"a": [1,2]} }\n'
    account = read_account("x.json", source)
    changed = Account(account.name, {**account.body, "disabled": True, "deep": {"a": [1, 2], "b": 1}}, account.source)
    text = b'{ "type":"x",\n"n":1e1 , "disabled" : true, "deep": {"a": [1,2],"b": 1} }\n'
    assert write_account(changed) == text
    less = Account(account.name, {"type": "x"}, account.source)
    assert json.loads(write_account(less)) == {"type": "x"}
    assert write_account(account) == source


def test_a_key_that_stands_twice_is_what_the_last_one_says():
    account = read_account("x.json", b'{"type":"x","access_token":"old","access_token":"newer"}')
    assert account.access.reveal() == "newer"
    after = read_account("x.json", write_account(with_tokens(account, FRESH, NOW)))
    assert after.access == FRESH.access


BAD = [b"", b"{", b'{"type":"cla', b"null", b"[]", b"{}", b'{"type":""}', b'{"type":3}', b"\xff\xfe{", b"[" * 100_000]


@pytest.mark.parametrize("content", BAD, ids=lambda content: content[:12].hex() or "empty")
def test_what_is_no_credential_is_told_without_its_values(content):
    with pytest.raises(BadFile) as caught:
        read_account("x.json", content)
    assert caught.value.__context__ is None  # a JSON error would hold the whole text
    assert "cla" not in str(caught.value).replace("this is no credential file", "")


@pytest.mark.parametrize("path", TABLE)
def test_no_token_is_in_a_repr(path):
    account = sample(path)
    for secret in filter(None, (account.access.reveal(), account.refresh.reveal())):
        assert secret not in repr(account)
        assert secret not in repr(Tokens(account.access, account.refresh, more={"api_key": secret}))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2026-02-25T10:00:00Z", 1772013600), ("2026-02-25T10:00:00.123456789Z", 1772013600.123456),
        ("2026-02-25T12:00:00+02:00", 1772013600), ("2026-02-25 10:00:00", 1772013600),
        ("2026-02-25 10:00", 1772013600),
        (" 2026-02-25T10:00:00 ", 1772013600), (1772013600, 1772013600), (1772013600.5, 1772013600.5),
        (1772013600500, 1772013600.5), ("1772013600", 1772013600), ("1772013600500", 1772013600.5),
        ("0001-01-01T00:00:00Z", None), ("1970-01-01T00:00:00Z", None), (0, None), (-1, None), (True, None),
        (None, None), ("", None), ("soon", None), ([], None), (float("inf"), None), (float("nan"), None),
        ("nan", None), (10**400, None), (1e300, None), ("9" * 400, None),
    ],
)  # fmt: skip
def test_times_are_read(value, seconds):
    assert read_time(value) == seconds


MOMENTS = some.integers(1_000_000_001, 4_000_000_000)
FORMS = [
    "2026-02-25T10:00:00Z", "2026-02-25T10:00:00.5Z", "2026-02-25T10:00:00-07:30", "2026-02-25 10:00:00", "1772013600",
    "1772013600000", 1772013600, 1772013600000, 1772013600.25, None, "", 0, False, "never",
]  # fmt: skip


@given(MOMENTS, some.sampled_from(FORMS))
def test_a_time_is_written_in_the_form_of_the_one_before(moment, form):
    assert read_time(write_time(moment)) == moment
    assert read_time(alike(form, moment)) == moment
    shape = str.maketrans(string.digits, "0" * 10)
    if isinstance(form, str) and form.startswith("2026") and "." not in form:
        assert alike(form, moment).translate(shape) == form.translate(shape)


VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text(max_size=8),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
BODIES = some.dictionaries(some.text(min_size=1, max_size=6), VALUES, max_size=6)


@settings(max_examples=40)
@given(BODIES, BODIES, some.sampled_from([None, 0, 2, "\t"]), some.booleans())
def test_whatever_changes_is_what_is_read_back(before, after, indent, ascii_only):
    source = json.dumps({**before, "type": "x"}, indent=indent, ensure_ascii=ascii_only)
    account = read_account("x.json", source.encode("utf-8", "surrogatepass"))
    assert write_account(account) == account.source
    changed = Account("x.json", {**account.body, **after, "type": "y"}, account.source)
    assert json.loads(write_account(changed)) == changed.body


@given(some.binary(max_size=60))
def test_any_bytes_are_read_or_refused(content):
    try:
        account = read_account("x.json", content)
    except BadFile:
        return
    assert account.type
