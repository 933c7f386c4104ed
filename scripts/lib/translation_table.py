"""Writes docs/translation.md: what becomes of each field of a request, for every pair of dialects.

python scripts/lib/translation_table.py            # write it
python scripts/lib/translation_table.py --check    # status 1 if it is not what would be written

Nothing of it is typed by hand: generated requests with every field of a dialect (tests/translators/maximal.py) are
translated, and each field is looked for upstream and in the ledger.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import msgspec

from tests import casefile
from tests.translators.test_conservation import PAIRS, UPSTREAMS, aims, requests_of
from translators import exchange
from translators.errors import TranslationError
from translators.explain import explain, generic
from translators.losses import Ledger
from translators.registry import DIALECTS

PAGE = ROOT / "docs" / "translation.md"
TITLES = {
    "claude": "Claude Messages",
    "gemini": "Gemini",
    "openai-chat": "OpenAI Chat Completions",
    "openai-responses": "OpenAI Responses",
    "openai-completions": "OpenAI Completions (legacy)",
}
HEAD = """# What a translation keeps

Made by `scripts/lib/translation_table.py` from the translators themselves: change those. For each pair of dialects,
requests that have every field of the client's dialect were translated for the upstream vendor's own API, and every
field was looked for in what is sent and in the ledger. `[]` stands for any place in a list. A loss marked **!** changes
the answer: `strict: true` refuses it with 400. The same dialect on both sides passes byte for byte but for the model's
name. How fast it is: [translation-speed.md](translation-speed.md).

"""


class Fates(NamedTuple):
    """Of one pair, by generic path: where it is found, by which rules it is changed, why it is lost."""

    found: dict[str, str]
    ruled: dict[str, set[str]]
    lost: dict[str, str]


def page() -> str:
    """The whole document."""
    fates = {pair: fates_of(*pair) for pair in sorted(PAIRS)}
    lines = [*overview(fates), *(line for pair in fates for line in section(*pair, fates[pair]))]
    return HEAD + "\n".join(lines) + "\n"


def overview(fates: dict[tuple[str, str], Fates]) -> Iterator[str]:
    """Fields kept, changed by a rule, and lost, one cell a pair."""
    cases = sum(1 for _ in (casefile.FOLDER / "crossings").rglob("*.case"))
    yield f"{cases} situations stand as cases under `tests/cases/crossings`."
    yield ""
    yield "Fields kept · changed by a rule · lost (client down, upstream across):"
    yield ""
    yield "| | " + " | ".join(TITLES[upstream] for upstream in UPSTREAMS) + " |"
    yield "|---|" + "---|" * len(UPSTREAMS)
    for client in TITLES:
        cells = []
        for upstream in UPSTREAMS:
            one = fates.get((client, upstream))
            cells.append("all" if one is None else f"{len(one.found)} · {len(one.ruled)} · {len(one.lost)}")
        yield f"| {TITLES[client]} | " + " | ".join(cells) + " |"
    yield ""


def fates_of(client: str, upstream: str) -> Fates:
    """What becomes of every field. What is kept in one place and lost in another counts as lost, with its reason."""
    fates = Fates({}, {}, {})
    aim = next(iter(aims(upstream)))
    for made in requests_of(client, upstream)[0]:
        raw = msgspec.json.encode(made.body)
        ledger = Ledger()
        try:
            request = DIALECTS[client].read_request(raw, "m", None, ledger)
            sent = exchange.write(request, raw, DIALECTS[client], DIALECTS[upstream], aim, ledger)
        except TranslationError as error:
            fates.lost[generic(error.path)] = f"refused: {error.message}"
            continue
        semantic = {loss.path for loss in ledger.losses if loss.semantic}
        for line in explain(raw, sent.body, ledger):
            path = generic(line.path)
            if line.what == "lost":
                fates.lost[path] = ("**!** " if line.path in semantic else "") + line.why
            elif line.what in ("kept", "moved", "inside"):
                fates.found[path] = generic(line.to)
            elif line.what not in ("missing", "implied", "aimed"):
                fates.ruled.setdefault(path, set()).add(line.what)
    for path in [path for path in fates.found if path in fates.lost or path in fates.ruled]:
        del fates.found[path]
    return fates


def section(client: str, upstream: str, fates: Fates) -> Iterator[str]:
    """One pair: what is lost, what a rule changes, and, folded, what is kept."""
    yield f"## {TITLES[client]} → {TITLES[upstream]}"
    yield ""
    if fates.lost:
        yield "| lost | why |"
        yield "|---|---|"
        yield from (f"| `{path}` | {cell(why)} |" for path, why in sorted(fates.lost.items()))
        yield ""
    if fates.ruled:
        yield "| changed | by the rule |"
        yield "|---|---|"
        yield from (f"| `{path}` | {', '.join(sorted(rules))} |" for path, rules in sorted(fates.ruled.items()))
        yield ""
    yield f"<details><summary>kept: {len(fates.found)} fields</summary>"
    yield ""
    yield "| field | upstream |"
    yield "|---|---|"
    yield from (f"| `{path}` | `{to}` |" for path, to in sorted(fates.found.items()))
    yield ""
    yield "</details>"
    yield ""


def cell(text: str) -> str:
    """Text that stays in its cell."""
    return text.replace("|", "\\|").replace("\n", " ")


def main() -> int:
    wanted = page()
    if "--check" in sys.argv[1:]:
        return 0 if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == wanted else 1
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
