"""What comes back from a browser: over a small server on this machine, or pasted by hand.

The server takes GET on one path, from this machine, and believes nothing without the state of this log-in. A call with
another state does not end the log-in: any page of the web could make one.
"""

import asyncio
import contextlib
import errno
import hmac
import html
import socket
from collections.abc import AsyncGenerator, Callable
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from credentials.model import Secret
from credentials.oauth.answers import clean
from credentials.oauth.flow import Failed
from credentials.oauth.ways import Returned

HOSTS = ("127.0.0.1", "::1")
"""Both, since `localhost` may be either; whoever held the other one would get the code."""

LONGEST = 16 * 1024
PATIENCE = 10.0
"""Seconds for a browser to send its request."""

_ABSENT = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT})


class Parameters(NamedTuple):
    """What an address that came back says."""

    code: str = ""
    state: str = ""
    error: str = ""
    description: str = ""


# --- reading --------------------------------------------------------------------------------------------------------


def read_parameters(query: str, fragment: str = "") -> Parameters:
    """From the query, then the fragment. A code of the form CODE#STATE is both."""
    first, second = parse_qs(query), parse_qs(fragment)

    def one(name: str) -> str:
        return next((several[0].strip() for several in (first.get(name), second.get(name)) if several), "")

    code, _, behind = one("code").partition("#")
    return Parameters(code, behind or one("state"), one("error"), one("error_description"))


def read_paste(text: str) -> Parameters | None:
    """What a person pasted: a whole address, `host/path?…`, `?code=…`, `code=…&state=…`, or CODE#STATE. None: nothing
    yet. Raises Failed if there is neither code nor error in it.
    """
    text = text.strip().strip("'\"").strip()
    if not text:
        return None
    if "=" in text:
        query, _, fragment = text.partition("#")
        start = query.rfind("?") + 1
        if "://" in query and not start:
            query = ""
        found = read_parameters(query[start:], fragment)
        if not found.state and found.code and fragment and "=" not in fragment:
            found = found._replace(state=fragment)  # code=CODE#STATE
    else:
        code, _, state = text.partition("#")
        found = Parameters(code if state and "/" not in text and " " not in text else "", state)
    if not (found.code or found.error):
        raise Failed("There is no code in this: paste the whole address the browser ended at", code="no_code")
    return found


def judge(found: Parameters, state: str) -> Returned:
    """What came back, if it belongs to this log-in. Raises Failed: of another one, or an error of the server."""
    if not hmac.compare_digest(found.state.encode(), state.encode()):
        message = "This answer belongs to another log-in (its state differs): use the newest address, in one window"
        raise Failed(message, code="state_mismatch")
    if found.error:
        said = clean(found.description or found.error)
        denied = found.error in ("access_denied", "user_denied")
        message = f"The log-in was denied: {said}" if denied else f"The log-in server answered with an error: {said}"
        raise Failed(message, code=found.error if len(found.error) < 64 else "error")
    if not found.code:
        raise Failed("The browser came back without a code: start again", code="no_code")
    return Returned(Secret(found.code), found.state)


# --- the server -----------------------------------------------------------------------------------------------------


class Callback:
    """Listens while a browser is away. `returned` is done with what it brings back, or with Failed.

    tell: hears of calls that do not belong to this log-in.
    """

    def __init__(self, path: str, state: str, tell: Callable[[str], None]) -> None:
        self.path = path
        self.returned: asyncio.Future[Returned] = asyncio.get_running_loop().create_future()
        self._state = state
        self._tell = tell
        self._open: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def listening(self, port: int, title: str) -> AsyncGenerator[None]:
        """Raises Failed if the port is taken."""
        servers: list[asyncio.Server] = []
        try:
            for host in HOSTS:
                try:
                    servers.append(await asyncio.start_server(self._serve, host, port, limit=LONGEST))
                except OSError as error:
                    if host != HOSTS[0] and (error.errno in _ABSENT or error.errno is None):
                        continue  # a machine without IPv6
                    raise _busy(port, title, error) from None
            yield
        finally:
            for server in servers:
                server.close()
            for task in self._open:  # browsers open connections in advance and keep them
                task.cancel()
            for server in servers:
                await server.wait_closed()
            self.returned.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._open.add(task)
            task.add_done_callback(self._open.discard)
        try:
            async with asyncio.timeout(PATIENCE):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._answer(head))
                await writer.drain()
        except (OSError, EOFError, asyncio.LimitOverrunError):
            pass  # no request, or half of one
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _answer(self, head: bytes) -> bytes:
        method, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
        target = rest.partition(" ")[0]
        parts = urlsplit(target) if target.startswith("/") and not target.startswith("//") else None
        if parts is None or parts.path != self.path:
            return _page(404, "Not found", "There is nothing at this address.")
        if method != "GET":
            return _page(405, "Not allowed", "This address is for a browser that comes back from a log-in.")
        try:
            found = judge(read_parameters(parts.query), self._state)
        except Failed as failed:
            if failed.code == "state_mismatch":
                self._tell("A browser came back from another log-in and was sent away; still waiting for this one.")
            elif not self.returned.done():
                self.returned.set_exception(failed)
            return _page(400, "Not logged in", str(failed))
        if not self.returned.done():
            self.returned.set_result(found)
        return _page(200, "Thank you", "The log-in goes on where it began. This window can be closed.")


def _busy(port: int, title: str, error: OSError) -> Failed:
    if error.errno == errno.EADDRINUSE:
        message = (
            f"Port {port}, where the browser comes back to for {title}, is taken by another program (another log-in, "
            f"or the vendor's own client?): end it, or log in with --no-browser and paste the address"
        )
        return Failed(message, code="port_busy")
    return Failed(f"Port {port} cannot be had ({error.strerror}): log in with --no-browser", code="port_denied")


_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed"}


def _page(status: int, heading: str, text: str) -> bytes:
    body = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>cliproxy: {html.escape(heading)}</title>"
        '<body style="font: 16px/1.5 system-ui, sans-serif; max-width: 32em; margin: 20vh auto; padding: 0 1em">'
        f"<h1>{html.escape(heading)}</h1><p>{html.escape(text)}</p></body></html>\n"
    ).encode()
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\ncontent-type: text/html; charset=utf-8\r\n"
        f"content-length: {len(body)}\r\ncache-control: no-store\r\nreferrer-policy: no-referrer\r\n"
        "content-security-policy: default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'\r\n"
        "x-content-type-options: nosniff\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body


def tunnel_hint(redirect: str, port: int) -> str:
    """How to reach the callback from another machine's browser, which goes to the port of the redirect address."""
    return f"ssh -L {urlsplit(redirect).port}:127.0.0.1:{port} {socket.gethostname()}"
