"""A coverage-guided fuzzer over everything that reads bytes of others: scripts/fuzz [--seconds N] [TARGET …]

Targets are `DIALECT:request`, `DIALECT:stream`, `DIALECT:reply`, `DIALECT:failure`; none means all, in turns. A finding
is printed with the file that holds its input; `scripts/fuzz DIALECT:KIND FILE` runs that input again.

What must hold for any bytes: no exception but TranslationError escapes; events keep their order; a pump ends, says so,
and never raises; what a writer emits is not longer than a bound; nothing hangs (5 s) or eats memory (1 GB).
"""

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import atheris

UNFOLLOWED: list[str] = []
if "--narrow" in sys.argv:
    own = "translators." + next((word.partition(":")[0].replace("-", "_") for word in sys.argv if ":" in word), "")
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in (ROOT / "translators").rglob("*.py")]
    UNFOLLOWED = [name for name in names if not name.startswith(own)]
following = (
    atheris.instrument_imports(include=["translators"], exclude=UNFOLLOWED) if "--inside" in sys.argv else nullcontext()
)
with following:
    from translators import exchange
    from translators.dialect import Aim, Asked
    from translators.errors import UNDECODABLE, TranslationError, Unreadable
    from translators.events import Order
    from translators.losses import Ledger
    from translators.model import Reasoning, Request
    from translators.registry import DIALECTS

KINDS = ("request", "stream", "reply", "failure")
LONGEST = 1 << 16
ROOM, TIMES = 1 << 16, 64
"""An answer of n bytes may become ROOM + TIMES·n bytes: a Responses stream says everything three times, in full."""


def main(argv: list[str]) -> int:
    """Fuzz each target in a process of its own, up to its first finding; 1 if there was one."""
    parser = argparse.ArgumentParser(prog="fuzz", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="DIALECT:KIND, or one of them and a FILE")
    parser.add_argument("--seconds", type=int, default=60, help="in all (60)")
    parser.add_argument("--runs", type=int, default=-1, help="at most so many inputs a target")
    parser.add_argument("--seed", type=int, default=0, help="the same seed and runs do the same (0: a new one)")
    parser.add_argument("--narrow", action="store_true", help="follow the target's own package only: starts faster")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args(argv)
    every = [f"{dialect}:{kind}" for dialect in DIALECTS for kind in KINDS]
    targets = [target for target in asked.targets if ":" in target] or every
    if unknown := [target for target in targets if target not in every]:
        parser.error(f"no target {unknown[0]!r}; known: {', '.join(every)}")
    files = [Path(name) for name in asked.targets if ":" not in name]
    if files:
        for path in files:
            run_of(targets[0])(path.read_bytes())
        return 0
    if asked.inside:
        fuzz(targets[0], asked.seconds, asked.runs, asked.seed)
        return 0
    share = max(1, asked.seconds // len(targets))
    sound = [fuzzed(target, share, asked.runs, asked.seed, asked.narrow) for target in targets]
    return 0 if all(sound) else 1


def fuzzed(target: str, seconds: int, runs: int, seed: int, narrow: bool) -> bool:
    """Run one target in a process; print its last line, or all of it if there was a finding."""
    command = [sys.executable, __file__, target, "--inside", f"--seconds={seconds}", f"--runs={runs}", f"--seed={seed}"]
    command += ["--narrow"] if narrow else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = (done.stdout + done.stderr).strip().splitlines()
    executed = next((line for line in reversed(said) if "Done" in line or "exec/s" in line), "no input was run")
    print(f"{target:<28} {'ok     ' if done.returncode == 0 else 'FOUND  '} {executed}", flush=True)
    if done.returncode:
        print("\n".join([line for line in said if not line.startswith(("#", "INFO"))][-40:]))
    return done.returncode == 0


def fuzz(target: str, seconds: int, runs: int, seed: int) -> None:
    """Fuzz in this process, which libFuzzer ends. Inputs that break something are kept in the temporary folder."""
    folder = Path(tempfile.mkdtemp(prefix="cliproxy-fuzz-"))
    for number, wire in enumerate(seeds(target)):
        (folder / f"seed-{number}").write_bytes(wire)
    words = [
        sys.argv[0], str(folder), f"-max_total_time={seconds}", f"-runs={runs}", f"-seed={seed}", "-timeout=5",
        "-rss_limit_mb=1024", f"-max_len={LONGEST}", "-print_final_stats=0", f"-artifact_prefix={folder}/found-",
    ]  # fmt: skip
    atheris.Setup(words, run_of(target), custom_mutator=mutate)
    atheris.Fuzz()


# --- what is run ----------------------------------------------------------------------------------------------------


def run_of(target: str) -> Callable[[bytes], None]:
    """The function of a target: takes any bytes, raises if something does not hold."""
    name, _, kind = target.partition(":")
    dialect = DIALECTS[name]

    def request(data: bytes) -> None:
        """Read it as a request, and write that in every dialect."""
        ledger = Ledger()
        try:
            read = dialect.read_request(data, "" if dialect.model_in_body else "m", None, ledger)
        except TranslationError:
            return
        for other in DIALECTS.values():
            if other.path or other.name != "openai-completions":
                try:
                    other.write_request(read, Aim("m", "p", other.vendor, stream=read.stream), ledger.copy())
                except TranslationError:
                    continue

    def stream(data: bytes) -> None:
        """Read it as a stream, in pieces."""
        pieces = list(cut(data))
        reader, order = dialect.stream_reader(), Order()
        try:
            for piece in pieces:
                for event in reader.feed(piece):
                    order.check(event)
            for event in reader.finish():
                order.check(event)
        except (Unreadable, *UNDECODABLE):
            pass
        answered(name, pieces, upstream_streams=True)

    def reply(data: bytes) -> None:
        order = Order()
        try:
            for event in dialect.read_reply(data):
                order.check(event)
        except Unreadable:
            pass
        answered(name, [data], upstream_streams=False)

    def failure(data: bytes) -> None:
        status = 400 + len(data) % 200
        read = dialect.read_failure(status, {"content-type": "application/json", "retry-after": "7"}, data)
        for client in DIALECTS.values():
            code, body = client.write_failure(read, Asked("m", False, 1, "5eed"))
            json.loads(body)
            assert 400 <= code <= 599, code

    return {"request": request, "stream": stream, "reply": reply, "failure": failure}[kind]


def answered(upstream: str, pieces: list[bytes], *, upstream_streams: bool) -> None:
    """An answer through a pump: it must end, and say how. Its size decides for which client, and in which form."""
    size = sum(map(len, pieces))
    client, streamed = list(DIALECTS)[size // 2 % len(DIALECTS)], bool(size & 1)
    asked = Asked("m", streamed, 1, "5eed", Request(model="m", turns=[], stream_usage=True, reasoning=SHOWN))
    pump = exchange.pump(DIALECTS[client], DIALECTS[upstream], asked, {}, streamed=upstream_streams)
    said = sum(len(pump.feed(piece)) for piece in pieces) + len(pump.finish())
    assert pump.ended or pump.failure is not None, "neither ended nor failed"
    if pump.failure is not None and pump.failure.origin == "cliproxy":
        raise AssertionError(f"{upstream} to {client}: {pump.failure.message}")
    assert said <= ROOM + TIMES * size, f"{said} bytes of {size}"


SHOWN = Reasoning(mode="auto", show="auto")


def cut(data: bytes) -> Iterator[bytes]:
    """The bytes in pieces whose size the bytes themselves decide."""
    size = data[0] % 61 + 1 if data else 1
    size = size if size < 50 else max(1, len(data))
    for at in range(0, len(data), size):
        yield data[at : at + size]


# --- where inputs come from -----------------------------------------------------------------------------------------


def seeds(target: str) -> Iterator[bytes]:
    """What is given in the cases of the dialect."""
    name, _, kind = target.partition(":")
    for path in sorted((ROOT / "tests" / "cases").rglob("*.case")):
        text = path.read_text(encoding="utf-8")
        head, *rest = re.split(r"^=== (.*)\n", text, flags=re.MULTILINE)
        sections = dict(zip(rest[::2], rest[1::2], strict=True))
        said = {side: re.search(rf"^{side}:.*\b{name}\b", head, re.MULTILINE) for side in ("client", "upstream")}
        if kind == "request" and said["client"] and "client request" in sections:
            yield sections["client request"].strip().encode()
        elif kind != "request" and (name in path.parts or said["upstream"]):
            wire = sections.get("wire") or sections.get("upstream reply")
            if wire:
                yield wire.strip().encode() + b"\n\n"


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Change the JSON inside rather than bytes: values of other types, members gone, doubled, moved; frames as well."""
    chance = random.Random(seed)
    if chance.random() < 0.25:
        return bytes(atheris.Mutate(data, max_size))
    frames = data.split(b"\n\n")
    where = chance.randrange(len(frames))
    if len(frames) > 1 and chance.random() < 0.2:
        match chance.randrange(3):
            case 0:
                del frames[where]
            case 1:
                frames.insert(chance.randrange(len(frames)), frames[where])
            case _:
                frames[where], frames[0] = frames[0], frames[where]
    else:
        frames[where] = _mutated_frame(frames[where], chance)
    return b"\n\n".join(frames)[:max_size]


def _mutated_frame(frame: bytes, chance: random.Random) -> bytes:
    start = frame.find(b"{")
    try:
        tree = json.loads(frame[start:])
    except ValueError:
        return bytes(atheris.Mutate(frame, len(frame) + 64))
    for _ in range(chance.randrange(1, 4)):
        _mutate_tree(tree, chance)
    return frame[:start] + json.dumps(tree, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")


ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**63, 10**40, 1.5, "", "a", "\ud83d", "é" * 3, "{", '{"a":',
    "data:image/png;base64,AAA=", [], {}, [None], [{}], {"type": "text"}, {"type": None}, "tool", "cliproxy.1.W10",
    {"text": 1}, [[[]]],
)  # fmt: skip


def _mutate_tree(tree: Any, chance: random.Random) -> None:
    nodes = list(_containers(tree))
    if not nodes:
        return
    node = chance.choice(nodes)
    if isinstance(node, dict):
        key = chance.choice(list(node)) if node else "type"
        match chance.randrange(5):
            case 0:
                node.pop(key, None)
            case 1:
                other = chance.choice(nodes)
                node[key] = _copy(other)
            case 2 if key in node:
                other = chance.choice([each for each in nodes if isinstance(each, dict)])
                other[chance.choice(list(other) or [key])] = _copy(node[key])
            case _:
                node[key] = _copy(chance.choice(ODD))
    elif node:
        at = chance.randrange(len(node))
        match chance.randrange(4):
            case 0:
                del node[at]
            case 1:
                node.insert(at, _copy(node[at]))
            case 2:
                node[at] = _copy(chance.choice(ODD))
            case _:
                chance.shuffle(node)


def _copy(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _containers(tree: Any) -> Iterator[Any]:
    if isinstance(tree, dict | list):
        yield tree
        for inner in tree.values() if isinstance(tree, dict) else tree:
            yield from _containers(inner)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
