"""The lock files are in step with pyproject.toml, and would install on any machine."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
LOCKS = {"requirements.lock": (), "requirements-test.lock": ("test", "lint")}
PINNED = re.compile(r"^([\w.-]+)==([^ ;\\]+)", re.MULTILINE)


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lock: str) -> dict[str, str]:
    return {plain(name): version for name, version in PINNED.findall((ROOT / lock).read_text())}


@pytest.mark.parametrize(("lock", "extras"), LOCKS.items())
def test_everything_wanted_is_locked(lock: str, extras: tuple[str, ...]) -> None:
    """If this fails: scripts/lock."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    locked = pins(lock)
    for requirement in map(Requirement, wanted):
        version = locked.get(plain(requirement.name))
        assert version is not None, f"{requirement.name} is not in {lock}"
        assert version in requirement.specifier, f"{requirement} but {version} in {lock}"


def test_the_test_lock_holds_the_other() -> None:
    tested = pins("requirements-test.lock")
    assert {name: tested.get(name) for name in pins("requirements.lock")} == pins("requirements.lock")


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place_and_hashes_everything(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert not re.search(r"://|^-|^/|file:|--find-links|--index|--extra-index", text, re.MULTILINE)
    for entry in re.split(r"\n(?=[a-zA-Z])", text[text.index("\n", text.index("aioquic") - 1) :]):
        assert not PINNED.match(entry) or "--hash=sha256:" in entry
