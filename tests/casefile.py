"""Cases as text: what it is, what is given, what comes of it.

A `.case` file begins with its title and notes (`# …`), then settings (`name: value`), then sections (`=== name`).
`pytest --accept` writes what was got into the sections that a runner gives; the diff is the review.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "cases"


@dataclass
class Case:
    """A case: its notes (with the `#`), settings and sections in the order of the file."""

    path: Path
    notes: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    sections: dict[str, str] = field(default_factory=dict)

    @property
    def numbers(self) -> list[str]:
        """What the title says it is: "57", "R4" …; several where one case shows several."""
        title = self.notes.split("\n", 1)[0].removeprefix("# ")
        return re.findall(r"R?\d+", title.partition(". ")[0])

    def names(self, setting: str, default: str = "") -> list[str]:
        """A setting that is a list of words."""
        return self.settings.get(setting, default).split()


def load(path: Path) -> Case:
    """Read a case file. A blank line before the next section belongs to nobody."""
    head, *rest = re.split(r"^=== (.*)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    case = Case(path)
    notes = []
    for line in head.splitlines():
        if line.startswith("#"):
            notes.append(line)
        elif line.strip():
            name, colon, value = line.partition(":")
            assert colon, f"{path}: neither a note, a setting nor a section: {line}"
            case.settings[name.strip()] = value.strip()
    case.notes = "\n".join(notes)
    case.sections = {name: text.rstrip("\n") for name, text in zip(rest[::2], rest[1::2], strict=True)}
    return case


def accept(case: Case, got: dict[str, str]) -> None:
    """Write the file anew: what was given stays, what came of it is replaced."""
    given = {name: text for name, text in case.sections.items() if is_given(name)}
    lines = [case.notes, *(f"{name}: {value}" for name, value in case.settings.items())]
    sections = [f"=== {name}\n{text}" for name, text in (given | got).items()]
    case.path.write_text("\n".join(lines) + "\n\n" + "\n\n".join(sections) + "\n", encoding="utf-8")


GIVEN = ("client request", "upstream reply")
"""Sections that a person writes; all others are what a runner gets."""


def is_given(name: str) -> bool:
    """Whether a person writes this section: one of GIVEN, or a further one of its kind (`upstream reply 2`)."""
    return name.rstrip(" 0123456789") in GIVEN
