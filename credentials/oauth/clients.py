"""Who we are to each authorization server: the shipped data, what the config says over it, and the environment over
both. Secrets come from the last two only."""

from collections.abc import Mapping

from credentials.model import OwnClient
from credentials.oauth.flow import Client, Failed
from providers.oauth import LogIn


def client_of(key: str, shipped: LogIn, own: OwnClient, environment: Mapping[str, str]) -> Client:
    """The client for one provider. A missing secret is no error yet: `secret_of` refuses when it is needed."""
    stem = shipped.variable
    urls = {}
    chosen = {name.replace("-", "_"): url for name, url in own.urls.items()}
    for name, url in (shipped.urls | chosen).items():
        urls[name] = environment.get(f"{stem}_{name.upper()}_URL", "").strip() or url
    secret = environment.get(f"{stem}_CLIENT_SECRET", "").strip() or own.client_secret.reveal()
    missing = ""
    if shipped.secret:
        missing = (
            f"{shipped.title} wants a client secret, and none is set: put it into the config as oauth: {key}: "
            f"client-secret, or into the environment as {stem}_CLIENT_SECRET. {shipped.secret}"
        )
    return Client(
        id=environment.get(f"{stem}_CLIENT_ID", "").strip() or own.client_id or shipped.client_id,
        urls=urls,
        secret=secret,
        scope=shipped.scope,
        key=key,
        title=shipped.title,
        redirect=shipped.redirect,
        moves=shipped.moves,
        missing=missing,
    )


def clients_of(
    shipped: Mapping[str, LogIn], own: Mapping[str, OwnClient], environment: Mapping[str, str]
) -> dict[str, Client]:
    """The clients of all providers, by key."""
    return {key: client_of(key, entry, own.get(key, OwnClient()), environment) for key, entry in shipped.items()}


def secret_of(client: Client) -> str:
    """The client secret. Raises Failed, naming the key to set, where the server wants one and none is set."""
    if client.missing and not client.secret:
        raise Failed(client.missing, code="missing_client_secret")
    return client.secret
