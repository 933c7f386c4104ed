"""scripts/try-clients: every client against every kind of upstream, a plain prompt and a round with a tool.

The fake upstream plays the model: it answers a marker, or calls the client's own tool for reading a file and waits for
the file's secret word to come back. A cell is "ok" if the client printed the marker (and the word had reached the
upstream), exited with 0, and the upstream had nothing to complain about.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.clients import commands, install
from tests.clients.commands import CLIENTS, MODELS, Run
from tests.end_to_end import scenery
from tests.proxy import proxy
from tests.upstreams import Answer, Call, FakeUpstream, Play, Seen

WORD = "heliotrope"
MARKER = "PONG-4711"
KINDS = ("claude", "openai-chat", "openai-responses", "gemini")
SECONDS = 90.0


@dataclass(frozen=True)
class Outcome:
    """One cell of the table."""

    ok: bool
    seconds: float
    why: str
    log: Path


def play(run: Run, tool: bool, file: Path) -> Callable[[Seen], Play]:
    """What the model says to each request of this run."""

    def choose(seen: Seen) -> Play:
        said = seen.said if seen.asked.verb == "generate" else None
        if said is None or not tool:
            return Play(Answer(f"It is {MARKER}."))
        if said.results:
            found = any(WORD in text for _, text in said.results)
            return Play(Answer(f"It is {MARKER}." if found else "The file was not read."))
        for name, arguments in run.tools.items():
            offered = next((one for one in said.tools if one == name or one.endswith(f"__{name}")), None)
            if offered:
                return Play(Answer("Reading.", "A file is to be read.", (Call(offered, arguments(file)),)))
        return Play(Answer("No title."))

    return choose


def attempt(
    name: str, url: str, kind: str, upstream: FakeUpstream, programs: dict[str, list[str]], tool: bool, place: Path
) -> Outcome:
    """Run one client once, in a home of its own."""
    program, make = CLIENTS[name]
    home = place / "home"
    work = place / "work"
    work.mkdir(parents=True)
    (work / "note.txt").write_text(f"The secret word is {WORD}.\n")
    run = make(url, "Read note.txt and tell me the secret word." if tool else "Say what it is.")
    for path, text in run.files.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(text)
    upstream.reset()
    upstream.lenient = run.dialect == kind  # its own words pass untouched; what the proxy wrote is judged strictly
    for model in {scenery.MODELS[kind] for kind in KINDS} | set(MODELS):
        upstream.always(model, play(run, tool, work / "note.txt"))
    clean = {key: value for key, value in os.environ.items() if key in ("PATH", "LANG", "LC_ALL")}
    isolated = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"), "CI": "1", "NO_COLOR": "1", "TERM": "dumb"}
    begun = time.monotonic()
    status, said = _bounded([*programs[program], *run.arguments], work, clean | isolated | run.environment)
    seconds = time.monotonic() - begun
    why = ""
    if upstream.violations:
        why = f"refused upstream: {upstream.violations[0][:300]}"
    elif status != 0:
        why = f"exit {status}" if status is not None else f"still running after {SECONDS:.0f} s"
    elif MARKER not in said:
        why = "the answer was not printed"
    log = place / "log"
    lines = [f"{seen.method} {seen.path} {seen.asked.model} faults={seen.faults}" for seen in upstream.seen]
    log.write_text("\n".join([f"exit: {status}", said, "--- upstream saw:", *lines, *upstream.violations, ""]))
    for number, seen in enumerate(upstream.seen):
        (place / f"upstream-{number}.json").write_bytes(seen.raw)
    upstream.reset()
    return Outcome(not why, seconds, why, log)


def _bounded(command: list[str], work: Path, environment: dict[str, str]) -> tuple[int | None, str]:
    """Run a program with its children in a group of their own; the whole group ends with the time."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, cwd=work, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        status: int | None = None
        try:
            status = process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            pass  # told by the None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        return status, output.read().decode(errors="replace")


@contextlib.contextmanager
def address(kind: str, direct: bool, upstream: FakeUpstream, place: Path) -> Iterator[str]:
    """Where the clients are pointed: a proxy in front of one kind of upstream, or the upstream itself."""
    if direct:
        yield upstream.url
        return
    config: dict[str, object] = {"api-keys": [commands.KEY], "request-retry": 0, "disable-cooling": True}
    models = [(scenery.MODELS[kind], model) for model in MODELS]
    scenery.provider(config, kind, f"sk-upstream-{kind}", upstream.url, models)
    with proxy(config, place, record=True) as running:
        yield running.url


def main() -> int:
    """Run, print the table, and say with the exit status whether all of it is ok."""
    parser = argparse.ArgumentParser(prog="scripts/try-clients", description=__doc__)
    parser.add_argument("clients", nargs="*", help=f"which (default: all): {', '.join(CLIENTS)}")
    parser.add_argument("--upstream", action="append", choices=KINDS, help="which kinds of upstream (default: all)")
    parser.add_argument("--direct", action="store_true", help="without a proxy, each against its own dialect")
    parser.add_argument("--keep", type=Path, help="where logs and flow files go (default: a new folder in /tmp)")
    given = parser.parse_args()
    names = [
        name
        for name in CLIENTS
        if not given.clients or name in given.clients or name.partition("/")[0] in given.clients
    ]
    programs = install.executables(install.install())
    keep = (given.keep or Path(tempfile.mkdtemp(prefix="try-clients-"))).resolve()
    table: dict[tuple[str, str, bool], Outcome] = {}
    for kind in given.upstream or KINDS:
        with (
            FakeUpstream() as upstream,
            address(kind, given.direct, upstream, keep / kind / "proxy") as url,
        ):
            for name in names:
                if given.direct and CLIENTS[name][1](url, "").dialect != kind:
                    continue
                for tool in (False, True):
                    place = keep / kind / name.replace("/", "-") / ("tool" if tool else "prompt")
                    outcome = attempt(name, url, kind, upstream, programs, tool, place)
                    table[name, kind, tool] = outcome
                    told = "ok" if outcome.ok else f"FAILED: {outcome.why}"
                    print(
                        f"{name:20} {kind:18} {'tool' if tool else 'prompt':7} {outcome.seconds:5.1f} s  {told}",
                        flush=True,
                    )
    _print_table(table, names, given.upstream or KINDS)
    print(f"logs: {keep}/<upstream>/<client>/<prompt or tool>/log, flows: {keep}/<upstream>/proxy/flows.mitm")
    return 0 if all(outcome.ok for outcome in table.values()) else 1


def _print_table(table: dict[tuple[str, str, bool], Outcome], names: list[str], kinds: tuple[str, ...]) -> None:
    def cell(name: str, kind: str, tool: bool) -> str:
        outcome = table.get((name, kind, tool))
        return "-" if outcome is None else "ok" if outcome.ok else "failed"

    print("\n" + f"{'client (prompt / tool)':22}" + "".join(f"{kind:20}" for kind in kinds))
    for name in names:
        cells = [f"{cell(name, kind, False)} / {cell(name, kind, True)}" for kind in kinds]
        print(f"{name:22}" + "".join(f"{one:20}" for one in cells))


if __name__ == "__main__":
    sys.exit(main())
