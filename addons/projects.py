"""How the projects of Google log-ins are found here: clients as the config has them, files in the auth directory."""

import os
import time

from addons.settings import Settings
from credentials.model import OwnClient, Secret
from credentials.oauth import code_assist
from credentials.oauth.clients import client_of
from credentials.oauth.flow import Steps
from credentials.oauth.google_projects import Projects
from credentials.store import Store
from providers import oauth


def projects_of(settings: Settings) -> Projects:
    """What asks Google when a request needs it, and remembers the answer in the account's file."""

    def store() -> Store | None:
        return settings.auth_dir.store if settings.auth_dir is not None else None

    def steps(provider: str, access: Secret) -> Steps[str]:
        own = settings.runtime.config.oauth.get(provider, OwnClient())
        client = client_of(provider, oauth.load()[provider], own, os.environ)
        if provider == "antigravity":
            return (yield from code_assist.antigravity_project(client, access, time.time))
        place = yield from code_assist.place_of(client, access, "", time.time)
        return place.projects[0]

    found = Projects()
    found.use(store, steps)
    return found
