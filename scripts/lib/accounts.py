"""Shows the accounts, and what a person does to them. A proxy that runs takes every change up within a moment.

scripts/accounts                      the table: state, plan, quota, today's requests and tokens, last error
scripts/accounts --json               the same for programs
scripts/accounts disable ana          any piece of a name will do that fits only one; `claude:ana` where two share it
scripts/accounts enable ana
scripts/accounts cool ana 2h          no request for two hours (30m if not said); --model M: only for that model
scripts/accounts clear ana            end its rests
scripts/accounts test ana             one real request with it, which costs a few tokens
scripts/accounts remove ana           its file gets another name and is used no more
scripts/accounts encrypt              encrypt the files of the auth directory; decrypt; rotate-key: with a new key
"""

import argparse
import asyncio
import json
import logging
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from addons import account_work
from addons.config import load as config_file
from addons.config.model import Config
from addons.overview import lines_on_disk, named, settings_on_disk
from addons.projects import projects_of
from addons.refresh import Refresh
from addons.settings import Settings
from addons.trial import Found, Trial
from credentials import orders
from credentials.account import BadFile
from credentials.cipher_keys import key_source
from credentials.file_store import open_store
from credentials.naming import Named, Unclear, found, name_of
from credentials.overview import plain
from credentials.store import Unavailable
from credentials.table import span, table
from providers.spans import read_span

CLOSED = 130
"""Exit status after Ctrl-C, as shells have it."""
PAUSE = "30m"


def main(argv: list[str]) -> int:
    """Do what is asked. argv: the arguments without the program's name."""
    logging.basicConfig(handlers=[logging.NullHandler()])  # what would be logged stands in the table
    asked = _arguments(argv)
    try:
        config, path = _config(asked.config)
        folder = Path(asked.auth_dir).expanduser() if asked.auth_dir else config.auth_path(Path.home())
        if asked.verb in _FOLDER:
            return _say(_FOLDER[asked.verb](folder, key_source(os.environ, Path.home())))
        settings = settings_on_disk(config, path, folder)
        trouble = settings.auth_dir.accounts.trouble if settings.auth_dir is not None else ""
        if trouble:
            raise Unavailable(trouble)
        return _VERBS[asked.verb](asked, settings, folder)
    except (Unavailable, Unclear, BadFile) as error:
        print(f"accounts: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\naccounts: ended.", file=sys.stderr)
        return CLOSED


def _list(asked: argparse.Namespace, settings: Settings, folder: Path) -> int:
    now = time.time()
    lines = lines_on_disk(settings, now)
    if asked.json:
        print(json.dumps(plain(lines, now), indent=1, ensure_ascii=False))
        return 0
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal or os.environ.get("COLUMNS") else 0
    colour = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return _say(table(lines, now, width, colour=colour))


def _switch(asked: argparse.Namespace, settings: Settings, folder: Path) -> int:
    meant = found(asked.name, named(settings), files=True)
    return _say(account_work.switched(_store(folder), meant, off=asked.verb == "disable"))


def _cool(asked: argparse.Namespace, settings: Settings, folder: Path) -> int:
    meant, now = found(asked.name, named(settings)), time.time()
    seconds = read_span(asked.span)
    if not seconds:
        raise Unavailable(f"{asked.span!r} is no span of time: write 90s, 30m, 2h or 1d")
    orders.give(folder, [orders.cool(each.id, now + seconds, now, asked.model) for each in meant], now)
    what = f", model {asked.model}" if asked.model else ""
    return _say([f"{_name(meant)}{what}: rests for {span(seconds)}"])


def _clear(asked: argparse.Namespace, settings: Settings, folder: Path) -> int:
    meant, now = found(asked.name, named(settings)), time.time()
    orders.give(folder, [orders.clear(each.id, now, asked.model) for each in meant], now)
    return _say([f"{_name(meant)}: its rests are ended"])


def _remove(asked: argparse.Namespace, settings: Settings, folder: Path) -> int:
    meant = found(asked.name, named(settings), files=True)
    if not asked.yes and not _agreed(f"Remove {name_of(meant[0])}? Its file is kept under another name. [y/N] "):
        return _say(["nothing was changed"]) or 1
    return _say(account_work.removed(_store(folder), meant))


def _agreed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise Unavailable("there is nobody to ask: say --yes")
    return input(question).strip().lower() in ("y", "yes")


def _test(asked: argparse.Namespace, settings: Settings, folder: Path) -> int:
    every = [each for each in settings.runtime.credentials if not each.disabled]
    ids = {each.id for each in found(asked.name, named(settings))} if asked.name else {each.id for each in every}
    meant = [each for each in (*settings.runtime.credentials, *settings.runtime.unserved) if each.id in ids]

    async def run() -> list[Found]:
        refresh = Refresh(settings)
        trial = Trial(refresh, projects_of(settings))
        try:
            came = []
            for each in meant:
                came.append(await trial.run(settings.runtime, each, asked.model))
                print(came[-1], flush=True)
            return came
        finally:
            await refresh.done()

    if not meant:
        raise Unavailable("there is no account to test")
    return 0 if all(each.ok for each in asyncio.run(run())) else 1


def _say(lines: list[str]) -> int:
    for line in lines:
        print(line)
    return 0


def _store(folder: Path) -> account_work.FileStore:
    return open_store(folder, os.environ, Path.home())


def _name(meant: list[Named]) -> str:
    return ", ".join(f"{each.provider}:{each.label}" for each in meant)


_VERBS: dict[str, Callable[[argparse.Namespace, Settings, Path], int]] = {
    "list": _list,
    "enable": _switch,
    "disable": _switch,
    "cool": _cool,
    "clear": _clear,
    "remove": _remove,
    "test": _test,
}
_FOLDER = {
    "encrypt": account_work.encrypted,
    "decrypt": account_work.decrypted,
    "rotate-key": account_work.rotated,
}


# --- what is asked --------------------------------------------------------------------------------------------------


def _config(named: str) -> tuple[Config, Path | None]:
    path = config_file.find(named, os.environ, Path.cwd(), Path.home())
    if path is None:
        return Config(), None
    loaded = config_file.load(path)
    if loaded.config is None:
        raise Unavailable("; ".join(str(problem) for problem in loaded.errors))
    return loaded.config, path


def _arguments(argv: list[str]) -> argparse.Namespace:
    about, _, examples = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="accounts", description=about, epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    every = argparse.ArgumentParser(add_help=False)
    every.add_argument("--config", default="", metavar="FILE", help="the config file")
    every.add_argument("--auth-dir", default="", metavar="DIR", help="if not the one of the config")
    verbs = parser.add_subparsers(dest="verb", metavar="WHAT")
    shown = verbs.add_parser("list", parents=[every], help="the table (what is done without a word)")
    shown.add_argument("--json", action="store_true", help="for programs")
    for verb in ("enable", "disable", "cool", "clear", "test", "remove"):
        one = verbs.add_parser(verb, parents=[every], help=_HELP[verb])
        one.add_argument("name", metavar="NAME", **({"nargs": "?", "default": ""} if verb == "test" else {}))
        if verb == "cool":
            one.add_argument("span", nargs="?", default=PAUSE, metavar="TIME", help="90s, 30m, 2h, 1d")
        if verb in ("cool", "clear", "test"):
            one.add_argument("--model", default="", metavar="M", help="only this model, by the upstream's name")
        if verb == "remove":
            one.add_argument("--yes", action="store_true", help="do not ask")
    for verb in _FOLDER:
        verbs.add_parser(verb, parents=[every], help=_HELP[verb])
    return parser.parse_args(_verb_first(argv))


_HELP = {
    "enable": "use an account again",
    "disable": "use it no more, until it is enabled",
    "cool": "no request with it for some time",
    "clear": "end its rests",
    "test": "one real request with it",
    "remove": "give its file another name",
    "encrypt": "keep the files encrypted from now on",
    "decrypt": "keep them as plain text",
    "rotate-key": "encrypt them with a new key",
}


def _verb_first(argv: list[str]) -> list[str]:
    """The arguments with the verb in front: options may stand before it, and without any it is `list`."""
    if argv[:1] in (["-h"], ["--help"]):
        return argv
    for place, word in enumerate(argv):
        valued = place and argv[place - 1] in ("--config", "--auth-dir")
        if not valued and not word.startswith("-"):
            return [word, *argv[:place], *argv[place + 1 :]]
    return ["list", *argv]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
