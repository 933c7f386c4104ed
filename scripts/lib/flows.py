"""Reads a file of recorded flows (mitmdump -w FILE, or saved in mitmweb) with no proxy and no config.

scripts/flows FILE                          one line a flow, numbered
scripts/flows FILE show 3                   everything that was recorded of flow 3
scripts/flows FILE translate                translate all again with today's code; 1 if anything differs
scripts/flows FILE translate 3 --to gemini  what flow 3 would be for another upstream
scripts/flows FILE case 3 5 -o FOLDER       test cases
scripts/flows FILE export 3 curl            curl, http or python
scripts/flows FILE page 3 -o talk.html      the conversation, as Markdown or HTML

Ends with 0; 1 if something differs or could not be made; 2 if the file or the call is at fault.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from mitmproxy import exceptions, io
from mitmproxy.contentviews import Metadata
from mitmproxy.flow import Flow
from mitmproxy.http import HTTPFlow

from addons.config import load as config_file
from addons.inspection import casemaking, pages, retranslate
from addons.inspection.exports import FORMS, NoExport, export
from addons.inspection.masking import Masker
from addons.inspection.recorded import Recorded, recorded
from addons.private_files import write_new
from addons.views import VIEWS
from providers.payload import Rules, read_rules
from translators.errors import TranslationError
from translators.explain import explain
from translators.registry import DIALECTS


class Wrong(Exception):
    """The call, or the file, is at fault; the text says how."""


def main(argv: list[str]) -> int:
    """Do what is asked. argv: the arguments without the program's name."""
    asked = _arguments(argv)
    try:
        flows, broken = read(Path(asked.file))
        done = COMMANDS[asked.command or "list"](asked, flows)
    except Wrong as wrong:
        print(f"flows: {wrong}", file=sys.stderr)
        return 2
    if broken:
        print(f"flows: {asked.file}: {broken}; read as far as it goes: {len(flows)} flows", file=sys.stderr)
        return 2
    return done


def read(path: Path) -> tuple[list[Flow], str]:
    """The flows of a file, and what is wrong with its rest ("" if nothing is)."""
    flows: list[Flow] = []
    try:
        with path.open("rb") as file:
            for flow in io.FlowReader(file).stream():
                flows.append(flow)
    except OSError as error:
        raise Wrong(f"{path}: {error.strerror}") from error
    except exceptions.FlowReadException as error:
        return flows, f"the file is damaged, or was cut ({error})"
    return flows, ""


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="flows",
        description=(__doc__ or "").partition("\n")[0],
        epilog=(__doc__ or "").partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", help="a file of recorded flows")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", help="list (default), " + ", ".join(COMMANDS))
    commands.add_parser("list", help="one line a flow")
    show = commands.add_parser("show", help="everything that was recorded of a flow")
    show.add_argument("numbers", metavar="N", type=int, nargs=1)
    names = sorted(view.name for view in VIEWS)
    show.add_argument("--view", choices=names, metavar="NAME", help=f"one view alone: {', '.join(names)}")
    again = commands.add_parser("translate", help="translate again, and compare with what was recorded")
    again.add_argument("numbers", metavar="N", type=int, nargs="*", help="flows (default: all)")
    again.add_argument("--to", choices=sorted(DIALECTS), help="another upstream's dialect: shows its request")
    again.add_argument("--config", metavar="FILE", help="the config whose payload rules were in force")
    case = commands.add_parser("case", help="write test cases")
    case.add_argument("numbers", metavar="N", type=int, nargs="+")
    case.add_argument("-o", dest="out", metavar="FOLDER", required=True)
    out = commands.add_parser("export", help="a request as something to run")
    out.add_argument("numbers", metavar="N", type=int, nargs=1)
    out.add_argument("form", metavar="FORMAT", choices=sorted(FORMS), help=", ".join(sorted(FORMS)))
    out.add_argument("-o", dest="out", metavar="FILE", help="default: standard output")
    out.add_argument("--base", metavar="URL", default="", help="the proxy's address (default: as recorded)")
    page = commands.add_parser("page", help="a conversation and its answer, as Markdown or HTML")
    page.add_argument("numbers", metavar="N", type=int, nargs=1)
    page.add_argument("-o", dest="out", metavar="FILE", help="*.md or *.html (default: Markdown, to standard output)")
    return parser.parse_args(argv)


def _named(asked: argparse.Namespace, flows: Sequence[Flow]) -> list[tuple[int, Flow]]:
    """The flows that were asked for by number; all, where none was named."""
    for number in asked.numbers:
        if not 1 <= number <= len(flows):
            raise Wrong(f"there is no flow {number}: {asked.file} has {len(flows)}")
    return [(number, flows[number - 1]) for number in asked.numbers or range(1, len(flows) + 1)]


def _ours(number: int, flow: Flow) -> Recorded:
    found = recorded(flow)
    if found is None:
        raise Wrong(f"flow {number} is not a request to cliproxy")
    return found


# --- looking --------------------------------------------------------------------------------------------------------


def line_of(number: int, flow: Flow) -> str:
    """A flow as one line: number, time, status, and its story."""
    if not isinstance(flow, HTTPFlow):
        return f"{number:>4}  {'':8}  {'':3}  a {flow.type} flow"
    began = time.strftime("%H:%M:%S", time.localtime(flow.request.timestamp_start))
    status = str(flow.response.status_code) if flow.response else "–"
    story = flow.comment or f"{flow.request.method} {flow.request.pretty_url}"
    return f"{number:>4}  {began}  {status:>3}  {story}"


def _list(asked: argparse.Namespace, flows: Sequence[Flow]) -> int:
    for number, flow in enumerate(flows, 1):
        print(line_of(number, flow))
    return 0


def _show(asked: argparse.Namespace, flows: Sequence[Flow]) -> int:
    ((number, flow),) = _named(asked, flows)
    found = _ours(number, flow)
    assert isinstance(flow, HTTPFlow)
    if not asked.view:
        print(line_of(number, flow))
        print(f"      {found.method} {flow.request.pretty_url}")
        for name, value in found.headers:
            print(f"      {name}: {value}")
    for view in VIEWS:
        if asked.view in (None, view.name):
            text = view.prettify(found.body, Metadata(flow=flow, http_message=flow.request))
            print(text if asked.view else f"\n══ {view.name} ".ljust(100, "═") + f"\n{text.rstrip()}")
    return 0


# --- doing ----------------------------------------------------------------------------------------------------------


def _translate(asked: argparse.Namespace, flows: Sequence[Flow]) -> int:
    named = _named(asked, flows)
    if asked.to:
        return max((_translate_to(asked.to, number, _ours(number, flow)) for number, flow in named), default=0)
    rules = _rules(asked.config) if asked.config else None
    counts = {"same": 0, "differs": 0, "unknown": 0}
    for number, flow in named:
        found = recorded(flow)
        if found is None or (not asked.numbers and not found.operation):
            continue
        sides = retranslate.retranslate(found, rules)
        fates = {side.fate for side in sides}
        counts["differs" if "differs" in fates else "unknown" if "unknown" in fates else "same"] += 1
        print(line_of(number, flow))
        for line in retranslate.told(sides):
            print(f"      {line}")
    print(f"{counts['same']} the same, {counts['differs']} differ, {counts['unknown']} not (wholly) comparable")
    if not counts["same"] + counts["differs"] + counts["unknown"]:
        raise Wrong("no flow of it is a request to cliproxy")
    return 1 if counts["differs"] else 0


def _translate_to(dialect: str, number: int, found: Recorded) -> int:
    try:
        body, ledger = retranslate.written_for(found, dialect)
    except TranslationError as error:
        print(f"flow {number}: refused: {error}", file=sys.stderr)
        return 1
    except LookupError:
        raise Wrong(f"flow {number}: no dialect {found.client!r} is known here") from None
    print(retranslate.laid_out(body))
    for line in explain(found.body, body, ledger):
        print(f"{line.what:<8} {line.path}  {line.to or line.why}".rstrip(), file=sys.stderr)
    return 0


def _rules(path: str) -> Rules:
    loaded = config_file.load(Path(path))
    if loaded.config is None:
        raise Wrong(f"{path} cannot be used: " + "; ".join(str(problem) for problem in loaded.problems))
    return read_rules(loaded.config.payload)


def _case(asked: argparse.Namespace, flows: Sequence[Flow]) -> int:
    folder, failed = Path(asked.out), 0
    for number, flow in _named(asked, flows):
        found = _ours(number, flow)
        try:
            text = casemaking.case(found, flow.comment, Masker().text)
        except casemaking.NoCase as why:
            print(f"flows: flow {number} makes no case: {why}", file=sys.stderr)
            failed = 1
            continue
        path = folder / casemaking.file_name(found, flow.id)
        _write(path, text)
        print(path)
    return failed


def _export(asked: argparse.Namespace, flows: Sequence[Flow]) -> int:
    ((number, flow),) = _named(asked, flows)
    found = _ours(number, flow)
    assert isinstance(flow, HTTPFlow)
    base = asked.base.rstrip("/") or f"{flow.request.scheme}://{flow.request.host}:{flow.request.port}"
    try:
        return _put(asked, export(found, asked.form, base))
    except NoExport as why:
        print(f"flows: flow {number}: {why}", file=sys.stderr)
        return 1


def _page(asked: argparse.Namespace, flows: Sequence[Flow]) -> int:
    ((number, flow),) = _named(asked, flows)
    form = pages.FORMS.get(Path(asked.out).suffix.lower() if asked.out else ".md")
    if form is None:
        raise Wrong(f"{asked.out}: the name should end in {', '.join(pages.FORMS)}")
    return _put(asked, Masker().text(form(pages.page(_ours(number, flow), flow.comment))))


def _put(asked: argparse.Namespace, text: str) -> int:
    if asked.out:
        _write(Path(asked.out), text)
        print(asked.out)
    else:
        sys.stdout.write(text)
    return 0


def _write(path: Path, text: str) -> None:
    try:
        write_new(path, text.encode())
    except OSError as error:
        raise Wrong(f"{path}: {error.strerror}") from error


COMMANDS: dict[str, Callable[[argparse.Namespace, Sequence[Flow]], int]] = {
    "list": _list,
    "show": _show,
    "translate": _translate,
    "case": _case,
    "export": _export,
    "page": _page,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
