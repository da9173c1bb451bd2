"""Headers by which a caller of the sandbox with certain rights authorizes itself."""

from mct_s2s.sandbox.entra import seeding

from tests.sandbox.conftest import Client
from tests.sandbox.sign_ins import begin, poll


def bearer_with(client: Client, *roles: str) -> dict[str, str]:
    app, _ = seeding.add_application(
        client.state.directory, "caller", secret="s", graph_roles=roles
    )
    token = client.token("https://localhost:8444/.default", app["appId"], "s")
    return {"Authorization": f"Bearer {token}"}


def bearer_of(client: Client, person: str) -> dict[str, str]:
    begun = begin(client, scope=f"{client.addresses.graph}/.default openid")
    typed = {"user_code": begun["user_code"], "user": f"{person}@contosolearning.onmicrosoft.com"}
    client.request("POST", "/devicelogin", data=typed)
    return {"Authorization": f"Bearer {poll(client, begun)['access_token']}"}
