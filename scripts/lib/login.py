"""Logs in to a provider, and keeps the account in the auth directory.

scripts/login claude                          with the browser of this machine
scripts/login codex --no-browser              the address is shown; paste the one the browser ends at
scripts/login codex --device                  type a code in on any device
scripts/login qwen --import                   take over the log-in of the vendor's own client, which is only read
scripts/login gemini-cli --project ALL        every project of the account
scripts/login vertex --import KEY.json        a service account
scripts/login --import-dir ~/.cli-proxy-api   a whole auth directory
"""

import argparse
import asyncio
import getpass
import os
import sys
import threading
import time
import webbrowser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from addons.config import load as config_file
from addons.config.model import Config
from credentials.cipher import Cipher
from credentials.cipher_keys import key_source
from credentials.file_store import FileStore
from credentials.model import Secret
from credentials.oauth import LOGINS
from credentials.oauth.flow import Failed
from credentials.oauth.imports import find_source, read_directory
from credentials.oauth.login import Desk, Kind, Saved, login_for, take_directory
from credentials.oauth.ways import Wishes
from credentials.store import Store, Unavailable

CLOSED = 130
"""Exit status after Ctrl-C, as shells have it."""


def main(argv: list[str]) -> int:
    """Log in. argv: the arguments without the program's name."""
    asked = _arguments(argv)
    try:
        config = _config(asked.config)
        folder = Path(asked.auth_dir).expanduser() if asked.auth_dir else config.auth_path(Path.home())
        store = FileStore(folder, Cipher(key_source(os.environ, Path.home())))
        if asked.import_dir:
            count = take_directory(store, read_directory(Path(asked.import_dir).expanduser()), tell)
            tell(f"{count} account{'' if count == 1 else 's'} taken over into {folder}.")
            return 0
        saved = asyncio.run(log_in(asked, config, store))
    except (Failed, Unavailable) as failed:
        tell(f"login: {str(failed).rstrip('.')}.")
        return 1
    except KeyboardInterrupt:
        tell("\nlogin: ended; nothing was kept.")
        return CLOSED
    done = "kept as a new account" if saved.new else "the account that was there is renewed"
    print(f"{saved.account.label}: {done} ({folder / saved.account.name})")
    return 0


async def log_in(asked: argparse.Namespace, config: Config, store: Store) -> Saved:
    """The log-in that the arguments ask for. Raises Failed, Unavailable."""
    wishes = Wishes(asked.label, asked.project, asked.location, Secret(_cookie(asked)), asked.callback_port)
    proxy = config.proxy_url if config.proxy_url not in ("", "direct") else None
    login = login_for(
        asked.provider, config.oauth, os.environ, store, _desk(asked), time.time, wishes=wishes, proxy=proxy
    )
    if asked.source is not None:
        named = Path(asked.source).expanduser() if asked.source else None
        return await login.take(named or find_source(asked.provider, os.environ, Path.home()))
    kind: Kind = "cookie" if asked.cookie else "device" if asked.device else ""
    return await login.run(kind)


def tell(text: str) -> None:
    """Progress is for people, and goes to stderr; stdout has the result only."""
    print(text, file=sys.stderr, flush=True)


# --- the person -----------------------------------------------------------------------------------------------------


def _desk(asked: argparse.Namespace) -> Desk:
    return Desk(tell, None if asked.no_browser else _open, Lines().read)


def _open(page: str) -> bool:
    """Whether a browser was found. A text browser in this terminal would be none to come back from."""
    graphical = sys.platform in ("win32", "darwin") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(graphical) and webbrowser.open(page)


class Lines:
    """Lines of standard input, read beside the loop. After the end of input nothing comes any more."""

    def __init__(self) -> None:
        self._lines: asyncio.Queue[str] | None = None

    async def read(self) -> str:
        """The next line."""
        if self._lines is None:
            self._lines = asyncio.Queue()
            arguments = (asyncio.get_running_loop(), self._lines)
            threading.Thread(target=_read_input, args=arguments, name="input", daemon=True).start()
        return await self._lines.get()


def _read_input(loop: asyncio.AbstractEventLoop, lines: asyncio.Queue[str]) -> None:
    """Reads without Python's buffer: a thread that waits in it would hold up the end of the program."""
    rest = b""
    while chunk := os.read(sys.stdin.fileno(), 65536):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            try:
                loop.call_soon_threadsafe(lines.put_nowait, line.decode(errors="replace"))
            except RuntimeError:  # the loop is closed: the log-in is over
                return


def _cookie(asked: argparse.Namespace) -> str:
    if not asked.cookie:
        return ""
    if sys.stdin.isatty():
        tell("Log in at platform.iflow.cn, and copy the Cookie header of a request to it (developer tools, network).")
        return getpass.getpass("Cookie (is not shown): ")
    return sys.stdin.readline()


# --- what is asked --------------------------------------------------------------------------------------------------


def _config(named: str) -> Config:
    path = config_file.find(named, os.environ, Path.cwd(), Path.home())
    if path is None:
        return Config()
    loaded = config_file.load(path)
    if loaded.config is None:
        raise Failed("; ".join(str(problem) for problem in loaded.errors), code="config")
    return loaded.config


def _arguments(argv: list[str]) -> argparse.Namespace:
    about, _, examples = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="login", description=about, epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("provider", nargs="?", default="", metavar="PROVIDER", help=", ".join(LOGINS))
    parser.add_argument("--no-browser", action="store_true", help="show the address only; paste the one it ends at")
    parser.add_argument("--device", action="store_true", help="with a code that is typed in on any device")
    parser.add_argument(
        "--cookie", action="store_true", help="iflow: with the cookie of platform.iflow.cn (from stdin)"
    )
    parser.add_argument(
        "--import", dest="source", nargs="?", const="", metavar="FILE", help="take over a log-in, or a key file"
    )
    parser.add_argument("--import-dir", default="", metavar="DIR", help="take over a whole auth directory")
    parser.add_argument("--project", default="", metavar="ID|ALL", help="gemini-cli: Google's project")
    parser.add_argument("--location", default="", help="vertex: the region, if not us-central1")
    parser.add_argument("--label", default="", help="what the account is called")
    parser.add_argument("--auth-dir", default="", metavar="DIR", help="if not the one of the config")
    parser.add_argument("--callback-port", type=int, default=0, metavar="N", help="if not the provider's own")
    parser.add_argument("--config", default="", metavar="FILE", help="the config file")
    asked = parser.parse_args(argv)
    asked.provider = {"gemini": "gemini-cli", "anthropic": "claude", "openai": "codex", "grok": "xai"}.get(
        asked.provider.lower(), asked.provider.lower()
    )
    if not asked.provider and not asked.import_dir:
        parser.error(f"which provider? One of {', '.join(LOGINS)}")
    ways = [asked.device, asked.cookie, asked.source is not None, bool(asked.import_dir)]
    if sum(ways) > 1:
        parser.error("--device, --cookie, --import and --import-dir exclude one another")
    if not 0 <= asked.callback_port <= 65535:
        parser.error("--callback-port: should be from 1 to 65535")
    return asked


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
