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


def pins(lock: str) -> dict[str, set[str]]:
    """The versions of each package: more than one where Python's own version decides."""
    found: dict[str, set[str]] = {}
    for name, version in PINNED.findall((ROOT / lock).read_text()):
        found.setdefault(plain(name), set()).add(version)
    return found


@pytest.mark.parametrize(("lock", "extras"), LOCKS.items())
def test_everything_wanted_is_locked(lock: str, extras: tuple[str, ...]) -> None:
    """If this fails: scripts/lock."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    locked = pins(lock)
    for requirement in map(Requirement, wanted):
        versions = locked.get(plain(requirement.name), set())
        assert versions, f"{requirement.name} is not in {lock}"
        assert any(version in requirement.specifier for version in versions), f"{requirement} but {versions} in {lock}"


def test_the_test_lock_holds_the_other() -> None:
    tested = pins("requirements-test.lock")
    for name, versions in pins("requirements.lock").items():
        assert versions <= tested.get(name, set()), name


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place_and_hashes_everything(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert not re.search(r"://|^-|^/|file:|--find-links|--index|--extra-index", text, re.MULTILINE)
    for entry in re.split(r"\n(?=[a-zA-Z])", text[text.index("\n", text.index("aioquic") - 1) :]):
        assert not PINNED.match(entry) or "--hash=sha256:" in entry
