"""What a browser brings back, and what else may knock at its door."""

import asyncio
import socket

import httpx
import pytest

from credentials.oauth.callback import Callback, Parameters, judge, read_paste
from credentials.oauth.flow import Failed
from tests.proxy import free_port

STATE = "0123456789abcdef" * 2


async def knock(port: int, request: str, host: str = "127.0.0.1") -> str:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(request.encode())
    said = await reader.read()
    writer.close()
    return said.decode()


def get(target: str, method: str = "GET") -> str:
    return f"{method} {target} HTTP/1.1\r\nhost: localhost\r\n\r\n"


async def test_the_right_call_ends_the_wait_and_thanks() -> None:
    port = free_port()
    callback = Callback("/callback", STATE, lambda _: None)
    async with callback.listening(port, "Claude"):
        said = await knock(port, get(f"/callback?code=the-code&state={STATE}"))
        assert said.startswith("HTTP/1.1 200 OK")
        assert "the-code" not in said
        for promise in ("cache-control: no-store", "default-src 'none'", "referrer-policy: no-referrer"):
            assert promise in said
        assert (await callback.returned).code.reveal() == "the-code"
    with pytest.raises(ConnectionRefusedError):
        await knock(port, get("/callback"))


async def test_both_addresses_of_localhost_are_ours() -> None:
    port = free_port()
    callback = Callback("/callback", STATE, lambda _: None)
    async with callback.listening(port, "Claude"):
        try:
            said = await knock(port, get(f"/callback?code=c&state={STATE}"), "::1")
        except OSError:
            pytest.skip("no IPv6 here")
        assert said.startswith("HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (get("/"), 404),
        (get("/favicon.ico"), 404),
        (get(f"/callback/?code=c&state={STATE}"), 404),
        (get(f"//evil.example/callback?code=c&state={STATE}"), 404),
        (get(f"http://evil.example/callback?code=c&state={STATE}"), 404),
        (get(f"/callback?code=c&state={STATE}", "POST"), 405),
        (get("/callback?code=c"), 400),
        (get("/callback?code=c&state=another"), 400),
        (get("/callback?code=c&state=%ff%00"), 400),
        ("nonsense\r\n\r\n", 404),
    ],
)
async def test_others_are_sent_away_and_the_wait_goes_on(request_: str, status: int) -> None:
    port = free_port()
    said: list[str] = []
    callback = Callback("/callback", STATE, said.append)
    async with callback.listening(port, "Claude"):
        answer = await knock(port, request_)
        assert answer.startswith(f"HTTP/1.1 {status} ")
        assert not callback.returned.done()
        assert bool(said) == (status == 400)


async def test_a_denial_is_told_to_the_browser_too_and_its_words_are_no_markup() -> None:
    port = free_port()
    callback = Callback("/callback", STATE, lambda _: None)
    async with callback.listening(port, "Claude"):
        query = {"error": "access_denied", "error_description": "<script>no</script>", "state": STATE}
        page = await knock(port, get(f"/callback?{httpx.QueryParams(query)}"))
        assert page.startswith("HTTP/1.1 400 ")
        assert "<script>" not in page
        with pytest.raises(Failed, match="denied"):
            await callback.returned


async def test_a_taken_port_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        port = other.getsockname()[1]
        callback = Callback("/callback", STATE, lambda _: None)
        with pytest.raises(Failed, match=rf"Port {port}.*--no-browser") as caught:
            async with callback.listening(port, "Claude"):
                pass
    assert caught.value.code == "port_busy"


async def test_a_browser_that_only_opens_a_connection_holds_nothing_up() -> None:
    port = free_port()
    callback = Callback("/callback", STATE, lambda _: None)
    async with asyncio.timeout(5):
        async with callback.listening(port, "Claude"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await knock(port, get("/"))
        assert await reader.read() == b""
        writer.close()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", None),
        (" \n", None),
        ("http://localhost:1/callback?code=c&state=s", Parameters("c", "s")),
        ("  'http://localhost:1/callback?state=s&code=c%2Fd'\n", Parameters("c/d", "s")),
        ("localhost:1/callback?code=c&state=s", Parameters("c", "s")),
        ("?code=c&state=s", Parameters("c", "s")),
        ("code=c&state=s", Parameters("c", "s")),
        ("http://localhost:1/callback#code=c&state=s", Parameters("c", "s")),
        ("http://localhost:1/cb?code=c#state=s", Parameters("c", "s")),
        ("http://localhost:1/cb?code=c%23s", Parameters("c", "s")),
        ("code=c#s", Parameters("c", "s")),
        ("CODE#STATE", Parameters("CODE", "STATE")),
        ("?error=access_denied&error_description=no&state=s", Parameters("", "s", "access_denied", "no")),
    ],
)
def test_what_is_pasted_is_understood(text: str, found: Parameters | None) -> None:
    assert read_paste(text) == found


@pytest.mark.parametrize("text", ["hello", "http://localhost:1/callback", "https://x/y?a=b", "?state=s", "a b#c"])
def test_a_paste_without_code_says_what_to_paste(text: str) -> None:
    with pytest.raises(Failed, match="paste the whole address"):
        read_paste(text)


def test_what_comes_back_must_have_this_state() -> None:
    assert judge(Parameters("c", STATE), STATE).code.reveal() == "c"
    for state in ("", STATE[:-1], STATE.upper(), "ä"):
        with pytest.raises(Failed) as caught:
            judge(Parameters("c", state), STATE)
        assert caught.value.code == "state_mismatch"
    with pytest.raises(Failed, match="without a code"):
        judge(Parameters("", STATE), STATE)
    with pytest.raises(Failed, match="error: server broke"):
        judge(Parameters("", STATE, "server_error", "server broke"), STATE)
