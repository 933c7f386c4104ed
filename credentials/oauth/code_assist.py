"""In which of Google's projects an account's requests run: asking, signing up (onboarding), switching the API on.

The bodies hold the API's neutral values, for both kinds of log-in: they name no product that we are not.

Sources: google-gemini/gemini-cli, packages/core/src/code_assist/setup.ts; CLIProxyAPI v6 and v7.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from credentials.model import Secret
from credentials.oauth.answers import JSON, clean, error_of, reasons_of, refused
from credentials.oauth.flow import Answer, Ask, Client, Failed, Pause, Steps
from credentials.oauth.ways import Clock

NEUTRAL = {"ideType": "IDE_UNSPECIFIED", "platform": "PLATFORM_UNSPECIFIED", "pluginType": "GEMINI"}
API = "cloudaicompanion.googleapis.com"

FREE, LEGACY = "free-tier", "legacy-tier"
TRIES, BETWEEN = 24, 5.0
"""How often, and at which distance in seconds, signing up is asked after."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where requests run. auto: found by Google, not chosen. checked: the API is known to be on."""

    projects: tuple[str, ...]
    auto: bool = False
    checked: bool = False
    all: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loadCodeAssist says. tier: the current one, "" before signing up; first: the one to sign up for."""

    project: str
    tier: str
    first: str
    needs_project: bool
    why_not: str


def place_of(client: Client, access: Secret, wanted: str, clock: Clock) -> Steps[Place]:
    """The project to use. wanted: its id, "ALL" for each that works, "" for what Google finds. Raises Failed."""
    if wanted.upper() == "ALL":
        return (yield from _all(client, access, clock))
    if wanted.isdigit():
        raise Failed(f"{wanted} is a project's number: give its id, such as my-project-1", code="bad_project")
    project, note = yield from _settled(client, access, wanted, clock)
    if not wanted:
        return Place((project,), auto=True)
    checked, unsure = yield from _switched_on(client, access, project)
    return Place((project,), checked=checked, notes=tuple(filter(None, (note, unsure))))


def _all(client: Client, access: Secret, clock: Clock) -> Steps[Place]:
    """Every project of the account that Code Assist accepts."""
    kept: dict[str, bool] = {}
    notes: list[str] = []
    for candidate in (yield from list_projects(client, access, clock)):
        try:
            project, _ = yield from _settled(client, access, candidate, clock)
        except Failed as failed:
            notes.append(f"{candidate} is left out: {failed}")
            continue
        if project not in kept:
            kept[project], unsure = yield from _switched_on(client, access, project)
            notes += filter(None, [unsure])
    if not kept:
        raise Failed("None of the account's projects can be used. " + " ".join(notes), code="no_project")
    return Place(tuple(kept), checked=all(kept.values()), all=True, notes=tuple(notes))


def _settled(client: Client, access: Secret, wanted: str, clock: Clock) -> Steps[tuple[str, str]]:
    """Sign up if need be. The project, and what to say about it."""
    loaded = yield from load(client, access, wanted, clock)
    answered = loaded.project
    if not loaded.tier:
        answered = (yield from _onboarded(client, access, loaded, wanted, clock)) or answered
    if not (answered or wanted):
        raise (yield from _choose(client, access, loaded, clock))
    if not wanted or not answered or answered == wanted:
        return answered or wanted, ""
    if wanted.startswith("gen-lang-client-"):
        return answered, f"Google answered with {answered} in place of {wanted}; it has the preview models, too"
    return wanted, ""


def _onboarded(client: Client, access: Secret, loaded: Loaded, wanted: str, clock: Clock) -> Steps[str]:
    if loaded.why_not and not loaded.first:
        raise Failed(loaded.why_not, code="ineligible")
    tier = loaded.first or LEGACY
    if tier != FREE and loaded.needs_project and not wanted:
        raise (yield from _choose(client, access, loaded, clock))
    body: dict[str, Any] = {"tierId": tier, "metadata": NEUTRAL}
    if wanted and tier != FREE:  # with a project, Google refuses to sign up for the free tier
        body |= {"cloudaicompanionProject": wanted, "metadata": NEUTRAL | {"duetProject": wanted}}
    return (yield from onboard(client, access, body, clock, TRIES, BETWEEN))


def _choose(client: Client, access: Secret, loaded: Loaded, clock: Clock) -> Steps[Failed]:
    """The error that asks for a project, with those there are."""
    if loaded.why_not and not loaded.first:
        return Failed(loaded.why_not, code="ineligible")
    try:
        several = yield from list_projects(client, access, clock)
    except Failed:
        several = []
    there = f"; there are: {', '.join(several[:20])}" if several else ""
    return Failed(f"This account needs a project: scripts/login gemini-cli --project ID{there}", code="no_project")


# --- requests -------------------------------------------------------------------------------------------------------


def _headers(access: Secret) -> dict[str, str]:
    return JSON | {"authorization": f"Bearer {access.reveal()}"}


def load(client: Client, access: Secret, wanted: str, clock: Clock) -> Steps[Loaded]:
    """loadCodeAssist: the account's tier and project."""
    body: dict[str, Any] = {"metadata": NEUTRAL}
    if wanted:
        body |= {"cloudaicompanionProject": wanted, "metadata": NEUTRAL | {"duetProject": wanted}}
    url = f"{client.urls['code_assist']}/v1internal:loadCodeAssist"
    answer = yield Ask("POST", url, json=body, headers=_headers(access))
    if "SECURITY_POLICY_VIOLATED" in reasons_of(answer):  # behind VPC service controls, where accounts are standard
        return Loaded(wanted, "standard-tier", "", needs_project=True, why_not="")
    if not answer.ok:
        raise _unable(answer, client, wanted, clock)
    said = answer.json()
    first = next((tier for tier in _objects(said.get("allowedTiers")) if tier.get("isDefault")), {})
    return Loaded(
        project=project_id(said.get("cloudaicompanionProject")),
        tier=project_id(said.get("currentTier")),
        first=project_id(first),
        needs_project=bool(first.get("userDefinedCloudaicompanionProject")),
        why_not=_ineligible(_objects(said.get("ineligibleTiers"))),
    )


def onboard(
    client: Client, access: Secret, body: dict[str, Any], clock: Clock, tries: int, between: float
) -> Steps[str]:
    """onboardUser, until it is done. The project, "" if none is named."""
    url = f"{client.urls['code_assist']}/v1internal:onboardUser"
    for left in range(tries - 1, -1, -1):
        answer = yield Ask("POST", url, json=body, headers=_headers(access))
        if not answer.ok:
            raise _unable(answer, client, str(body.get("cloudaicompanionProject") or ""), clock)
        said = answer.json()
        if said.get("done") is True:
            response = said.get("response")
            return project_id(response.get("cloudaicompanionProject")) if isinstance(response, dict) else ""
        if left:
            yield Pause(between)
    raise Failed(f"{client.title}: Google has not finished signing the account up: try again later", code="onboarding")


def list_projects(client: Client, access: Secret, clock: Clock) -> Steps[list[str]]:
    """The ids of the account's living projects."""
    answer = yield Ask("GET", client.urls["projects"], headers=_headers(access))
    if not answer.ok:
        raise refused(answer, client, "listing the account's projects", clock())
    several = _objects(answer.json().get("projects"))
    return [str(one["projectId"]) for one in several if one.get("lifecycleState") == "ACTIVE" and "projectId" in one]


def _switched_on(client: Client, access: Secret, project: str) -> Steps[tuple[bool, str]]:
    """Is the API on in the project? If not, switch it on. False, and what to do by hand, where that fails."""
    url = f"{client.urls['services']}/{quote(project, safe='')}/services/{API}"
    answer = yield Ask("GET", url, headers=_headers(access))
    if answer.ok and answer.json().get("state") == "ENABLED":
        return True, ""
    answer = yield Ask("POST", f"{url}:enable", json={}, headers=_headers(access))
    if answer.ok or (answer.status == 400 and "already enabled" in error_of(answer)[1]):
        return True, ""
    page = f"https://console.cloud.google.com/apis/library/{API}?project={quote(project, safe='')}"
    return False, f"The Gemini API could not be switched on in {project}; if requests say SERVICE_DISABLED: {page}"


def _unable(answer: Answer, client: Client, project: str, clock: Clock) -> Failed:
    if "SERVICE_DISABLED" in reasons_of(answer):
        page = f"https://console.cloud.google.com/apis/library/{API}?project={quote(project, safe='')}"
        return Failed(f"The Gemini API is off in this project: switch it on at {page}", code="SERVICE_DISABLED")
    return refused(answer, client, "asking for the account's project", clock())


def _ineligible(tiers: list[dict[str, Any]]) -> str:
    """Why an account may not use Code Assist, in Google's words, with the page that helps if there is one."""
    for tier in tiers:
        said = clean(str(tier.get("reasonMessage") or tier.get("reasonCode") or ""))
        page = tier.get("validationUrl")
        if said:
            there = f" Open {page} and log in again." if isinstance(page, str) and page.startswith("https://") else ""
            return f"Google does not let this account use it: {said}.{there}".replace("..", ".")
    return ""


# --- Antigravity ----------------------------------------------------------------------------------------------------


def antigravity_project(client: Client, access: Secret, clock: Clock) -> Steps[str]:
    """The account's project; signs it up if it has none. Raises Failed: none is ever made up."""
    loaded = yield from load(client, access, "", clock)
    if loaded.project:
        return loaded.project
    if loaded.why_not and not (loaded.first or loaded.tier):
        raise Failed(loaded.why_not, code="ineligible")
    body = {"tierId": loaded.first or loaded.tier or FREE, "metadata": NEUTRAL}
    project = yield from onboard(client, access, body, clock, tries=5, between=2.0)
    if not project:
        message = "Google named no project for this account: open Antigravity once with it, then log in again"
        raise Failed(message, code="no_project")
    return project


def project_id(value: Any) -> str:
    """An id that stands alone or in an object."""
    inner = value.get("id") if isinstance(value, dict) else value
    return inner.strip() if isinstance(inner, str) else ""


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
