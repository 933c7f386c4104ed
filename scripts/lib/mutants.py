"""Breaks a rule on purpose and looks whether the tests notice: scripts/mutants [NAME …]

Each mutant is one small change of the translators, made in a copy. The tests named beside it must fail; one that passes
means that nobody watches the rule. Takes about half a minute a mutant, less with fewer names.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("translators", "providers", "credentials", "addons", "tests", "scripts", "examples", "docs")
FILES = ("pyproject.toml", "config.example.yaml")


class Mutant(NamedTuple):
    """rule: what is broken. before must stand exactly once in the file."""

    name: str
    rule: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]


_CASES = ("tests/test_cases.py",)
_CONSERVATION = ("tests/translators/test_conservation.py",)

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        "lying-stop",
        "a call that was seen outranks the upstream's `stop`",
        "translators/turning.py",
        'if called and stop.reason in ("stop", "other", "sequence"):',
        'if called and stop.reason in ("other", "sequence"):',
        ("tests/translators/test_ends.py",),
    ),
    Mutant(
        "tool-without-call",
        "a `tool` without a call is a stop",
        "translators/turning.py",
        'if not called and stop.reason == "tool":',
        'if not called and stop.reason == "length":',
        _CASES,
    ),
    Mutant(
        "summed-usage",
        "token counts are cumulative: the last one wins, they are not added up",
        "translators/fold.py",
        "return msgspec.structs.replace(old, **said)",
        "return msgspec.structs.replace(old, **said, input=(old.input or 0) + (new.input or 0))",
        _CASES,
    ),
    Mutant(
        "foreign-seal",
        "a seal goes to nobody but its author",
        "translators/seals.py",
        "return seal.data if seal is not None and not foreign(seal, aim) else None",
        "return seal.data if seal is not None else None",
        _CASES,
    ),
    Mutant(
        "silent-loss",
        "what is lost is listed",
        "translators/losses.py",
        "self.losses.append(Loss(path, reason, semantic))",
        "self.losses += [Loss(path, reason, semantic)] * semantic",
        _CONSERVATION,
    ),
    Mutant(
        "keyword-as-property",
        "a property may be named like a keyword of JSON Schema",
        "translators/schema_tree.py",
        "return {name: change(member) for name, member in value.items()}",
        "return change(value)",
        _CASES,
    ),
    Mutant(
        "names-that-collide",
        "a name that had to be changed stays unlike all others",
        "translators/names.py",
        'mark = hashlib.sha256(f"{namespace}\\0{name}".encode()).hexdigest()[:8]',
        'mark = "00000000"',
        ("tests/test_cases.py", "tests/translators/test_names.py"),
    ),
    Mutant(
        "failed-result",
        "a tool that failed is told to have failed",
        "translators/claude/messages.py",
        "tool_use_id=identifier, content=content, is_error=failed,",
        "tool_use_id=identifier, content=content, is_error=None,",
        _CASES,
    ),
    Mutant(
        "retry-hint",
        "how long Gemini asks to wait reaches the client",
        "translators/gemini/failure.py",
        "        retry_after=retry,\n        details=",
        "        details=",
        _CASES,
    ),
    Mutant(
        "blocks-that-jump",
        "blocks are numbered without a gap",
        "translators/events.py",
        "if event.block != self.next_block:",
        "if event.block < 0:",
        ("tests/translators", "-k", "order or any_reply or grammar or claude"),
    ),
    Mutant(
        "half-a-character",
        "half of a surrogate pair waits for its other half",
        "translators/halves.py",
        "        text, held = text[:-1], text[-1]\n",
        "        pass\n",
        ("tests/translators/test_halves.py", "tests/test_cases.py"),
    ),
)


def main(argv: list[str]) -> int:
    """Run the mutants asked for; 1 if one survives."""
    parser = argparse.ArgumentParser(prog="mutants", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these; none means all")
    asked = parser.parse_args(argv)
    known = {mutant.name: mutant for mutant in MUTANTS}
    if unknown := [name for name in asked.names if name not in known]:
        parser.error(f"no mutant {unknown[0]!r}; known: {', '.join(known)}")
    survivors = 0
    for mutant in [known[name] for name in asked.names] or MUTANTS:
        noticed = is_noticed(mutant)
        survivors += not noticed
        print(f"{'noticed ' if noticed else 'SURVIVES'}  {mutant.name:<28} {mutant.rule}", flush=True)
    return 1 if survivors else 0


def is_noticed(mutant: Mutant) -> bool:
    """Break the rule in a copy; do its tests fail?"""
    with tempfile.TemporaryDirectory(prefix="cliproxy-mutant-") as folder:
        home = Path(folder) / "cliproxy"
        for name in COPIED:
            shutil.copytree(ROOT / name, home / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in FILES:
            shutil.copy(ROOT / name, home / name)
        target = home / mutant.file
        target.write_text(broken(mutant, target.read_text(encoding="utf-8")), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *mutant.tests]
        return subprocess.run(command, cwd=home, capture_output=True, check=False).returncode == 1


def broken(mutant: Mutant, text: str) -> str:
    """The file with the rule broken. Raises ValueError if the place is not to be found, or not the only one."""
    if text.count(mutant.before) != 1:
        raise ValueError(f"{mutant.name}: {text.count(mutant.before)} places in {mutant.file} read {mutant.before!r}")
    return text.replace(mutant.before, mutant.after)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
