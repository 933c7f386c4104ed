"""Whom a person means by a name, or a piece of one."""

import pytest

from credentials.naming import Named, Unclear, found

EVERYBODY = [
    Named("claude-ana.json", "ana@example.com", "claude", "claude-ana.json"),
    Named("codex-ana.json", "ana@example.com", "codex", "codex-ana.json"),
    Named("qwen-ana.json", "ana", "qwen", "qwen-ana.json"),
    Named("gemini-bo.json::p-1", "bo@example.com [p-1]", "gemini-cli", "gemini-bo.json"),
    Named("gemini-bo.json::p-2", "bo@example.com [p-2]", "gemini-cli", "gemini-bo.json"),
    Named("key-7f", "lab:1", "lab"),
]


@pytest.mark.parametrize(
    ("piece", "ids"),
    [
        ("claude-ana.json", ["claude-ana.json"]),
        ("CODEX-ana", ["codex-ana.json"]),
        ("codex:ana", ["codex-ana.json"]),
        ("ana", ["qwen-ana.json"]),  # its whole label; for the others it is a piece
        ("claude", ["claude-ana.json"]),
        ("bo", ["gemini-bo.json::p-1", "gemini-bo.json::p-2"]),
        ("p-2", ["gemini-bo.json::p-2"]),
        ("lab:1", ["key-7f"]),
        ("key-7f", ["key-7f"]),
    ],
)
def test_any_piece_that_fits_one_account(piece, ids):
    assert [each.id for each in found(piece, EVERYBODY)] == ids


def test_several_that_fit_are_listed():
    with pytest.raises(Unclear, match="may be any of these") as unclear:
        found("ana@example.com", EVERYBODY)
    assert {each.provider for each in unclear.value.candidates} == {"claude", "codex"}
    assert "claude:ana@example.com  (claude-ana.json)" in str(unclear.value)


@pytest.mark.parametrize("piece", ["nobody", "", "  ", "claude:bo"])
def test_nobody_that_fits_shows_everybody(piece):
    with pytest.raises(Unclear, match="no account is called") as unclear:
        found(piece, EVERYBODY)
    assert len(unclear.value.candidates) == len(EVERYBODY)


def test_a_key_of_the_config_has_no_file():
    with pytest.raises(Unclear, match="is a key of the config"):
        found("lab", EVERYBODY, files=True)
