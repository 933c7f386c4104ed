"""Google's projects: whose requests run where, and who is told what to do."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from credentials.oauth.flow import Failed
from credentials.oauth.ways import Wishes
from tests.credentials.scene import scene
from tests.upstreams.authorization import Asked, FakeAuthorization, Reply, answer

FREE = {"id": "free-tier", "isDefault": True}
STANDARD = {"id": "standard-tier", "isDefault": True, "userDefinedCloudaicompanionProject": True}
NEUTRAL = {"ideType": "IDE_UNSPECIFIED", "platform": "PLATFORM_UNSPECIFIED", "pluginType": "GEMINI"}


@dataclass
class Cloud:
    """Code Assist and its neighbours. loads: what loadCodeAssist says for a project. rounds: onboardUser needs so many.
    answers: the project that onboardUser names. on: projects whose API is on; stuck: where it cannot be switched on.
    """

    loads: Callable[[str], dict[str, Any]]
    rounds: int = 1
    answers: Any = "found-1"
    projects: tuple[str, ...] = ()
    on: set[str] = field(default_factory=set)
    stuck: set[str] = field(default_factory=set)
    onboarded: list[dict[str, Any]] = field(default_factory=list)
    loaded: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, server: FakeAuthorization) -> None:
        self.server = server
        server.routes["/v1internal:loadCodeAssist"] = self.load
        server.routes["/v1internal:onboardUser"] = self.onboard
        server.routes["/v1/projects"] = self.list
        for project in (*self.projects, "my-proj-1"):
            path = f"/v1/services/{project}/services/cloudaicompanion.googleapis.com"
            server.routes[path] = lambda _, p=project: answer(200, {"state": "ENABLED" if p in self.on else "OFF"})
            server.routes[f"{path}:enable"] = lambda _, p=project: self.enable(p)

    def load(self, asked: Asked) -> Reply:
        if not self.server.bearer(asked):
            return answer(401, {"error": {"status": "UNAUTHENTICATED"}})
        self.loaded.append(asked.data)
        said = self.loads(asked.data.get("cloudaicompanionProject", ""))
        return answer(403 if "error" in said else 200, said)

    def onboard(self, asked: Asked) -> Reply:
        self.onboarded.append(asked.data)
        if asked.data["tierId"] == "free-tier" and "cloudaicompanionProject" in asked.data:
            return answer(412, {"error": {"status": "FAILED_PRECONDITION", "message": "no project on the free tier"}})
        if len(self.onboarded) < self.rounds:
            return answer(200, {"name": "operations/1", "done": False})
        return answer(200, {"done": True, "response": {"cloudaicompanionProject": self.answers}})

    def list(self, asked: Asked) -> Reply:
        rows = [{"projectId": name, "lifecycleState": "ACTIVE"} for name in self.projects]
        return answer(200, {"projects": [*rows, {"projectId": "gone", "lifecycleState": "DELETE_REQUESTED"}]})

    def enable(self, project: str) -> Reply:
        if project in self.stuck:
            return answer(403, {"error": {"status": "PERMISSION_DENIED", "message": "no"}})
        self.on.add(project)
        return answer(200, {})


def settled(project: Any = "") -> Callable[[str], dict[str, Any]]:
    """An account that is signed up."""
    return lambda _: {"currentTier": {"id": "standard-tier"}, "cloudaicompanionProject": project}


async def test_a_new_free_account_is_signed_up_without_a_project() -> None:
    cloud = Cloud(lambda _: {"allowedTiers": [{"id": "legacy-tier"}, FREE]}, rounds=3, answers={"id": "found-1"})
    async with scene("gemini-cli", cloud) as stage:
        body = (await stage.log_in()).account.body
        assert (body["project_id"], body["auto"], body["checked"]) == ("found-1", True, False)
        assert len(cloud.onboarded) == 3
        assert cloud.onboarded[0] == {
            "tierId": "free-tier",
            "metadata": {"ideType": "IDE_UNSPECIFIED", "platform": "PLATFORM_UNSPECIFIED", "pluginType": "GEMINI"},
        }


async def test_a_chosen_project_is_asked_for_and_its_api_switched_on() -> None:
    cloud = Cloud(settled(""))
    async with scene("gemini-cli", cloud) as stage:
        saved = await stage.log_in(wishes=Wishes(project="my-proj-1"))
        assert (saved.account.body["project_id"], saved.account.body["auto"]) == ("my-proj-1", False)
        assert saved.account.body["checked"]
        assert cloud.on == {"my-proj-1"}
        assert cloud.loaded[0]["metadata"]["duetProject"] == "my-proj-1"
        assert not cloud.onboarded


async def test_the_free_tier_takes_no_project_and_what_is_chosen_is_used_all_the_same() -> None:
    cloud = Cloud(lambda _: {"allowedTiers": [FREE]}, answers=None)
    async with scene("gemini-cli", cloud) as stage:
        saved = await stage.log_in(wishes=Wishes(project="my-proj-1"))
        assert saved.account.body["project_id"] == "my-proj-1"
        assert "cloudaicompanionProject" not in cloud.onboarded[0]


async def test_googles_own_project_takes_the_place_of_a_generated_one_only() -> None:
    async with scene("gemini-cli", Cloud(settled("better-1"), projects=("better-1",))) as stage:
        saved = await stage.log_in(wishes=Wishes(project="gen-lang-client-123"))
        assert saved.account.body["project_id"] == "better-1"
        assert "better-1 in place of gen-lang-client-123" in stage.told
    async with scene("gemini-cli", Cloud(settled("better-1"))) as stage:
        saved = await stage.log_in(wishes=Wishes(project="my-proj-1"))
        assert saved.account.body["project_id"] == "my-proj-1"


async def test_an_api_that_cannot_be_switched_on_is_told_and_no_hindrance() -> None:
    async with scene("gemini-cli", Cloud(settled(""), stuck={"my-proj-1"})) as stage:
        saved = await stage.log_in(wishes=Wishes(project="my-proj-1"))
        assert saved.account.body["checked"] is False
        assert "https://console.cloud.google.com/apis/library/cloudaicompanion.googleapis.com" in stage.told


async def test_all_projects_go_into_one_file() -> None:
    def loads(project: str) -> dict[str, Any]:
        if project == "bad-1":
            return {"error": {"status": "PERMISSION_DENIED", "message": "not yours"}}
        return settled("")(project)

    cloud = Cloud(loads, projects=("one-1", "bad-1", "two-2"))
    async with scene("gemini-cli", cloud) as stage:
        saved = await stage.log_in(wishes=Wishes(project="all"))
        assert saved.account.name == "gemini-ana@example.com-all.json"
        assert saved.account.body["project_id"] == "one-1,two-2"
        assert saved.account.body["checked"] is True
        assert "bad-1 is left out" in stage.told
        assert cloud.on == {"one-1", "two-2"}


async def test_a_project_that_is_needed_is_asked_for_with_those_there_are() -> None:
    cloud = Cloud(lambda _: {"allowedTiers": [STANDARD]}, projects=("one-1", "two-2"))
    async with scene("gemini-cli", cloud) as stage:
        with pytest.raises(Failed, match=r"--project ID; there are: one-1, two-2") as caught:
            await stage.log_in()
        assert caught.value.code == "no_project"
    cloud = Cloud(lambda _: {"allowedTiers": [STANDARD]}, projects=("one-1",), answers="one-1")
    async with scene("gemini-cli", cloud) as stage:
        assert (await stage.log_in(wishes=Wishes(project="one-1"))).account.body["project_id"] == "one-1"
        assert cloud.onboarded[0]["cloudaicompanionProject"] == "one-1"


async def test_a_number_is_no_project() -> None:
    async with scene("gemini-cli", Cloud(settled(""))) as stage:
        with pytest.raises(Failed, match="give its id"):
            await stage.log_in(wishes=Wishes(project="123456"))


async def test_behind_service_controls_an_account_is_standard() -> None:
    denied = {"error": {"status": "PERMISSION_DENIED", "details": [{"reason": "SECURITY_POLICY_VIOLATED"}]}}
    async with scene("gemini-cli", Cloud(lambda _: denied)) as stage:
        assert (await stage.log_in(wishes=Wishes(project="my-proj-1"))).account.body["project_id"] == "my-proj-1"


@pytest.mark.parametrize("provider", ["gemini-cli", "antigravity"])
async def test_an_account_that_may_not_is_told_why_and_where_to_go(provider: str) -> None:
    page = "https://accounts.google.com/verify?plt=1"
    why = {"reasonCode": "VALIDATION_REQUIRED", "reasonMessage": "Verify your account.", "validationUrl": page}
    async with scene(provider, Cloud(lambda _: {"ineligibleTiers": [why]})) as stage:
        with pytest.raises(Failed) as caught:
            await stage.log_in()
        assert caught.value.code == "ineligible"
        assert "Verify your account" in str(caught.value)
        assert page in str(caught.value)


async def test_an_api_that_is_off_says_where_to_switch_it_on() -> None:
    off = {"error": {"status": "PERMISSION_DENIED", "details": [{"reason": "SERVICE_DISABLED"}]}}
    async with scene("gemini-cli", Cloud(lambda _: off)) as stage:
        with pytest.raises(Failed, match=r"switch it on at https://console.*my-proj-1"):
            await stage.log_in(wishes=Wishes(project="my-proj-1"))


async def test_signing_up_that_never_ends_is_given_up() -> None:
    cloud = Cloud(lambda _: {"allowedTiers": [FREE]}, rounds=10_000)
    async with scene("gemini-cli", cloud) as stage:
        with pytest.raises(Failed, match="not finished") as caught:
            await stage.log_in()
        assert caught.value.code == "onboarding"
        assert len(cloud.onboarded) == 24


async def test_antigravity_is_signed_up_and_gets_a_project_or_no_account() -> None:
    cloud = Cloud(lambda _: {"allowedTiers": [FREE]}, rounds=2)
    async with scene("antigravity", cloud) as stage:
        assert (await stage.log_in()).account.body["project_id"] == "found-1"
        assert cloud.loaded == [{"metadata": NEUTRAL}]
        assert cloud.onboarded[-1] == {"tierId": "free-tier", "metadata": NEUTRAL}
    async with scene("antigravity", Cloud(lambda _: {"allowedTiers": [FREE]}, answers=None)) as stage:
        with pytest.raises(Failed, match="open Antigravity once"):
            await stage.log_in()
        assert not stage.store.pieces
