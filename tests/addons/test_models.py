"""Model lists in the four shapes."""

import pytest

from tests.addons.scene import LAB, said, scene

CLAUDE, GEMINI = {"anthropic-version": "2023-06-01"}, {"x-goog-api-key": "k"}


def test_four_shapes() -> None:
    with scene(LAB) as here:
        openai = said(here.ask("GET", "/v1/models"))[1]
        assert openai["object"] == "list"
        assert [model["id"] for model in openai["data"]] == ["x"]
        assert openai["data"][0]["object"] == "model"
        claude = said(here.ask("GET", "/v1/models", headers=CLAUDE))[1]
        assert (claude["first_id"], claude["last_id"], claude["has_more"]) == ("x", "x", False)
        assert claude["data"][0]["created_at"].endswith("Z")
        gemini = said(here.ask("GET", "/v1beta/models"))[1]
        assert gemini["models"][0]["name"] == "models/x"
        assert "generateContent" in gemini["models"][0]["supportedGenerationMethods"]
        codex = said(here.ask("GET", "/v1/models?client_version=0.1"))[1]
        assert codex["models"][0]["slug"] == "x"


@pytest.mark.parametrize(
    ("path", "headers", "name"),
    [
        ("/v1/models/x", {}, "x"),
        ("/v1/models/x", CLAUDE, "x"),
        ("/v1beta/models/x", {}, "models/x"),
        ("/v1/models/models%2Fx", GEMINI, "models/x"),
    ],
)
def test_one_model(path: str, headers: dict[str, str], name: str) -> None:
    with scene(LAB) as here:
        status, model = said(here.ask("GET", path, headers=headers))
        assert status == 200
        assert name in (model.get("id"), model.get("name"))


@pytest.mark.parametrize(
    ("path", "headers"), [("/v1/models/y", {}), ("/v1/models/y", CLAUDE), ("/v1beta/models/y", {})]
)
def test_a_model_that_is_not_there(path: str, headers: dict[str, str]) -> None:
    with scene(LAB) as here:
        status, told = said(here.ask("GET", path, headers=headers))
        assert status == 404
        assert "'y'" in told["error"]["message"]


def test_offline_models_are_listed_where_they_are_served() -> None:
    with scene() as here:
        assert [model.id for model in here.models.visible()] == ["demo-text", "demo-thinking", "demo-tools"]
    with scene(LAB) as here:
        assert [model.id for model in here.models.visible()] == ["x"]


def test_an_empty_list_is_a_list() -> None:
    with scene("demo: false") as here:
        assert said(here.ask("GET", "/v1/models"))[1]["data"] == []
        assert said(here.ask("GET", "/v1/models", headers=CLAUDE))[1]["first_id"] is None
