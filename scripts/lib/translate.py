"""Translates a request, an answer, a stream or an error from one dialect to another, as the proxy would.

scripts/translate --from claude --to gemini FILE        FILE in Claude's words → stdout in Gemini's; `-` reads stdin
scripts/translate --from claude --to gemini FILE --explain    where each value of a request went
scripts/translate --check claude FILE                   is this stream or answer what Claude's clients can read?

What is lost or changed on the way goes to stderr. Ends with 1 if the translation was refused or the check found faults.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from providers import catalog
from translators import exchange, thinking
from translators.dialect import Aim, Asked, Dialect, Traits
from translators.errors import TranslationError
from translators.explain import Line, explain
from translators.losses import Ledger
from translators.model import Failure, Reasoning, Request
from translators.registry import DIALECTS

NOW, SEED = 1_700_000_000, "c11"
"""Any time and seed will do, as long as they are the same each time: the same input gives the same output."""

KINDS = ("request", "reply", "stream", "error")


class Refused(Exception):
    """The translation ends in an error; the text is what the client would get."""


def main(argv: list[str]) -> int:
    """Translate or check. argv: the arguments without the program's name."""
    asked = _arguments(argv)
    try:
        body = sys.stdin.buffer.read() if asked.file == "-" else Path(asked.file).read_bytes()
    except OSError as error:
        print(f"translate: {asked.file}: {error.strerror}", file=sys.stderr)
        return 2
    if asked.check:
        return check(DIALECTS[asked.check], body, asked.kind or sort_of(body))
    try:
        translate(asked, body)
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 1
    return 0


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="translate", description=(__doc__ or "").partition("\n")[0])
    names = sorted(DIALECTS)
    parser.add_argument("file", metavar="FILE", help="what to translate; - reads standard input")
    parser.add_argument("--from", dest="source", choices=names, help="the dialect of FILE")
    parser.add_argument("--to", choices=names, help="the dialect to translate to")
    parser.add_argument("--check", choices=names, metavar="DIALECT", help="check FILE against a dialect's grammar")
    parser.add_argument("--kind", choices=KINDS, help="what FILE is (default: told from its content)")
    parser.add_argument("--model", default="", help="the upstream model; what it can do decides what is sent")
    parser.add_argument("--request", default="", metavar="FILE", help="the client's request that FILE answers")
    parser.add_argument("--status", type=int, default=400, help="the HTTP status of an error (400)")
    parser.add_argument("--explain", action="store_true", help="a table of where each value of a request went")
    parser.add_argument("--strict", action="store_true", help="refuse what would change the answer")
    parser.add_argument("--raw", action="store_true", help="JSON as it is sent, without line breaks")
    asked = parser.parse_args(argv)
    if not asked.check and not (asked.source and asked.to):
        parser.error("--from and --to are needed, or --check")
    return asked


def sort_of(body: bytes) -> str:
    """What a body is, told from its content."""
    start = body.lstrip()[:6]
    if start.startswith((b"data:", b"event:", b"id:", b"retry:", b":", b"[")):
        return "stream"
    try:
        said: Any = msgspec.json.decode(body)
    except msgspec.MsgspecError:
        return "error"
    if not isinstance(said, dict):
        return "error"
    if said.keys() & {"candidates", "choices", "output", "promptFeedback"} or said.get("type") == "message":
        return "reply"
    return "error" if said.get("error") else "request"


def translate(asked: argparse.Namespace, body: bytes) -> None:
    """Print the translation. Raises Refused."""
    here, there = DIALECTS[asked.source], DIALECTS[asked.to]
    kind = asked.kind or sort_of(body)
    if kind == "request":
        _request(asked, body, here, there)
    elif kind == "error":
        failure = here.read_failure(asked.status, {}, body)
        _show(f"status {refusal(failure, there)}")
    else:
        _answer(asked, body, here, there, streamed=kind == "stream")


# --- requests -------------------------------------------------------------------------------------------------------


def _request(asked: argparse.Namespace, body: bytes, client: Dialect, upstream: Dialect) -> None:
    ledger = Ledger()
    name, suffix = thinking.split_suffix(asked.model)
    try:
        request = client.read_request(body, "" if client.model_in_body else name or "a-model", None, ledger)
        aim = aim_at(upstream, name or request.model, stream=request.stream)
        outgoing = exchange.write(request, body, client, upstream, aim, ledger, suffix)
    except TranslationError as error:
        failure = Failure(kind="invalid", message=str(error), param=error.path, code=error.code, origin="cliproxy")
        raise Refused(f"status {refusal(failure, client)}") from error
    _show(_laid_out(outgoing.body, raw=asked.raw))
    for header, value in outgoing.headers.items():
        print(f"header  {header}: {value}", file=sys.stderr)
    if asked.explain:
        for line in table(explain(body, outgoing.body, ledger)):
            print(line, file=sys.stderr)
    else:
        _tell_losses(ledger)
        for one in ledger.applied:
            print(f"rule    {one.path}{' → ' + one.to if one.to else ''}: {one.rule}", file=sys.stderr)
    semantic = [loss for loss in ledger.losses if loss.semantic]
    if asked.strict and semantic:
        raise Refused(f"strict: {upstream.name} cannot be told everything: {semantic[0].path}: {semantic[0].reason}")


def aim_at(upstream: Dialect, model: str, *, stream: bool) -> Aim:
    """The first provider of the dialect that has the model; a model nobody knows is sent as it is named."""
    known = catalog.load()
    for key, provider in known.providers.items():
        if provider.dialect == upstream.name and (found := known.find(key, model)) is not None:
            return Aim(found.id, key, provider.vendor, stream, catalog.traits_of(found), provider.official)
    return Aim(model, upstream.name, upstream.vendor, stream, Traits())


def table(lines: list[Line]) -> list[str]:
    """The fates as lines: path, what became of it, path upstream or why not."""
    paths = min(60, max((len(line.path) for line in lines), default=0))
    fates = max((len(line.what) for line in lines), default=0)
    return [f"{line.path:<{paths}}  {line.what:<{fates}}  {line.to or line.why}".rstrip() for line in lines]


# --- answers --------------------------------------------------------------------------------------------------------


def _tell_losses(ledger: Ledger) -> None:
    for loss in ledger.losses:
        print(f"lost    {loss.path}: {loss.reason}{' (changes the answer)' if loss.semantic else ''}", file=sys.stderr)


def _answer(asked: argparse.Namespace, body: bytes, upstream: Dialect, client: Dialect, *, streamed: bool) -> None:
    request = _asked_for(asked, client, stream=streamed)
    wanted = Asked(asked.model or request.model, streamed, NOW, SEED, request)
    pump = exchange.pump(client, upstream, wanted, {}, streamed=streamed)
    said = pump.feed(body) + pump.finish()
    if pump.failure is not None and not pump.committed:
        raise Refused(f"status {refusal(pump.failure, client)}")
    _show(said.decode(errors="replace").rstrip("\n") if streamed else _laid_out(said, raw=asked.raw))
    _tell_losses(wanted.ledger)


def _asked_for(asked: argparse.Namespace, client: Dialect, *, stream: bool) -> Request:
    """The client's request; without one, that of a client that wants to see everything."""
    if asked.request:
        try:
            return client.read_request(Path(asked.request).read_bytes(), asked.model, stream, Ledger())
        except (OSError, TranslationError) as error:
            raise Refused(f"translate: {asked.request}: {error}") from error
    shown = Reasoning(mode="auto", show="auto")
    model = asked.model or "a-model"
    return Request(model=model, turns=[], stream=stream, stream_usage=True, reasoning=shown, dialect=client.name)


def refusal(failure: Failure, client: Dialect) -> str:
    """Status and body of an error, as a client gets it."""
    status, body = client.write_failure(failure, Asked("a-model", stream=False, now=NOW, seed=SEED))
    return f"{status}\n{_laid_out(body, raw=False)}"


# --- grammar --------------------------------------------------------------------------------------------------------


def check(dialect: Dialect, body: bytes, kind: str) -> int:
    """Print what is wrong with a stream or an answer: 1 if clients of the dialect break on it, 2 if it is neither."""
    if kind not in ("stream", "reply"):
        print("translate: --check is for streams and answers; say --kind if this is one", file=sys.stderr)
        return 2
    if dialect.grammar is None or dialect.check_reply is None:
        print(f"translate: {dialect.name} is a form of another dialect, which has the grammar", file=sys.stderr)
        return 2
    if kind == "stream":
        grammar = dialect.grammar()
        found = grammar.feed(body) + grammar.finish()
    else:
        found = dialect.check_reply(body)
    for one in found:
        where = f"event {one.frame} " if one.frame >= 0 else ""
        mild = " (vendors send this too)" if one.mild else ""
        print(f"{where}{one.path or '$'}: {one.what}{mild} [{one.rule}]")
    broken = [one for one in found if not one.mild]
    print(f"{len(broken)} to mend, {len(found) - len(broken)} mild" if found else "nothing to mend", file=sys.stderr)
    return 1 if broken else 0


def _laid_out(body: bytes, *, raw: bool) -> str:
    return body.decode() if raw else msgspec.json.format(body, indent=2).decode()


def _show(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
