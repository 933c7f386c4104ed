"""The law of the house: imports go down the floors, stand at the top, and dialects do not know one another."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

MAY_IMPORT = {
    "translators": set(),
    "providers": {"translators"},
    "credentials": {"translators", "providers"},
    "addons": {"translators", "providers", "credentials"},
}
FOREIGN = {
    "translators": {"msgspec"},
    "providers": {"msgspec", "yaml", "tiktoken", "bpe_openai"},
    "credentials": {"msgspec", "httpx", "authlib", "cryptography", "yaml"},
}
"""What a floor may use from outside; addons may use everything that pyproject.toml lists."""
WORLDLY = {
    "asyncio", "datetime", "io", "logging", "os", "pathlib",
    "random", "secrets", "socket", "subprocess", "time", "uuid",
}  # fmt: skip
"""Clock, chance, environment, files, logs, network: not for translators."""
GRAMMARS = ("claude", "gemini", "openai_chat", "openai_responses")


@cache
def modules(floor: str) -> list[Path]:
    return sorted((ROOT / floor).rglob("*.py"))


@cache
def nodes(path: Path) -> list[ast.AST]:
    """Every node of a module's code, read once for all the laws."""
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def imports(path: Path) -> Iterator[str]:
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""


@pytest.mark.parametrize("floor", MAY_IMPORT)
def test_imports_go_down(floor):
    for path in modules(floor):
        for name in imports(path):
            top = name.partition(".")[0]
            if top in MAY_IMPORT:
                assert top == floor or top in MAY_IMPORT[floor], f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("floor", FOREIGN)
def test_a_floor_uses_only_its_libraries(floor):
    for path in modules(floor):
        for name in imports(path):
            top = name.partition(".")[0]
            ours = top in MAY_IMPORT or top in FOREIGN[floor]
            assert ours or _is_standard(top), f"{path.relative_to(ROOT)} imports {name}"


def test_translators_know_nothing_of_the_world():
    for path in modules("translators"):
        assert not WORLDLY & {name.partition(".")[0] for name in imports(path)}, path.relative_to(ROOT)


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_a_dialect_knows_no_other(grammar):
    others = {f"translators.{name}" for name in GRAMMARS if name != grammar}
    for path in modules(f"translators/{grammar}"):
        for name in imports(path):
            assert not any(name == other or name.startswith(other + ".") for other in others), f"{path}: {name}"


@pytest.mark.parametrize("floor", MAY_IMPORT)
def test_only_addons_import_mitmproxy(floor):
    if floor != "addons":
        for path in modules(floor):
            assert not any(name.partition(".")[0] == "mitmproxy" for name in imports(path)), path


def test_the_config_is_read_without_mitmproxy():
    for path in modules("addons/config"):
        assert not any(name.partition(".")[0] == "mitmproxy" for name in imports(path)), path


@pytest.mark.parametrize("floor", MAY_IMPORT)
def test_imports_stand_at_the_top(floor):
    for path in modules(floor):
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                inner = [each for each in ast.walk(node) if isinstance(each, ast.Import | ast.ImportFrom)]
                assert not inner, f"{path.relative_to(ROOT)}: {node.name} imports inside"


@pytest.mark.parametrize("floor", MAY_IMPORT)
def test_no_rooms_for_odds_and_ends(floor):
    assert not {path.stem for path in modules(floor)} & {"utils", "util", "helpers", "common", "misc", "base"}


def _is_standard(name: str) -> bool:
    return name in sys.stdlib_module_names
