"""Every request that the commands send is on docs/permissions.md, with what it takes, and none
besides.
"""

import re
from pathlib import Path

import pytest
from mct_s2s.sandbox.services.arm import arm
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Program, alone, signed_in
from tests.cli.test_least_rights import EVERYTHING, ON_THE_SITE, OPERATOR, PIPELINE, WHERE
from tests.conftest import FUNCTION_APP, MACHINE, Json, Sandbox

PAGE = Path(__file__).parents[2] / "docs/permissions.md"
SERVICES = {"Microsoft Graph": "graph", "Azure Resource Manager": "arm", "Key Vault": "vault"}
_SITE = (
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Web/sites/[^/]+(/slots/[^/]+)?"
)
_RESOURCE = r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/[^/]+/[^/]+/[^/]+"
_PATTERNS = {
    "graph": (
        (r"^/(v1\.0|beta)", ""),
        (r"\([a-zA-Z]+='[^']*'\)", "/{id}"),
        (r"/(applications|servicePrincipals|appRoleAssignedTo)/[^/{]+", r"/\1/{id}"),
        (r"/deletedItems/(?!microsoft\.graph)[^/]+", "/deletedItems/{id}"),
    ),
    "arm": (
        (_SITE, "{site}"),
        (_RESOURCE, "{resource}"),
        (r"^/subscriptions/[^/]+", "/subscriptions/{id}"),
        (r"resourceGroups/[^/]+/providers", "resourceGroups/{group}/providers"),
        (r"/locations/[^/]+/operationStatuses/[^/]+", "/locations/{place}/operationStatuses/{id}"),
        (
            r"^(/subscriptions/\{id\})?/providers/Microsoft\.[^/]+(?=$|/locations)",
            r"\1/providers/{namespace}",
        ),
        (
            r"^\{site\}/providers/Microsoft\.Authorization",
            "{resource}/providers/Microsoft.Authorization",
        ),
    ),
    "vault": (
        (r"/(secrets|deletedsecrets)/[^/]+", r"/\1/{name}"),
        (r"/secrets/\{name\}/(?!versions)[^/]*$", "/secrets/{name}/{version}"),
    ),
}


def shape(row: Json) -> str:
    """A request of the log, as the page writes it."""
    path = row["path"]
    for pattern, name in _PATTERNS[row["service"]]:
        path = re.sub(pattern, name, path)
    return f"{row['method']} {path}"


def rows_of_page() -> dict[tuple[str, str], str]:
    """By service and request: what the page says that it takes."""
    rows: dict[tuple[str, str], str] = {}
    service = None
    for line in PAGE.read_text(encoding="utf-8").partition("## Every request")[2].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        service = SERVICES.get(cells[0], service)
        for request in re.findall(r"`((?:GET|POST|PUT|PATCH|DELETE) [^`]+)`", cells[0]):
            assert service is not None
            assert (service, request) not in rows, request
            rows[service, request] = cells[1]
    return rows


def action_of(row: Json) -> str:
    """The action that the sandbox demands for a request to Resource Manager, without the resource's
    type.
    """
    method, path = row["method"], row["path"]
    fitting = (
        operation.action
        for operation in arm.OPERATIONS
        if operation.method == method and operation.pattern.fullmatch(path)
    )
    return next(fitting, "").replace(
        "{type}", "Microsoft.Web/sites" if "Microsoft.Web/sites" in path else "…"
    )


@pytest.fixture
def sent(
    mct: Program, azure: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[Json]:
    """The requests of every command, as an administrator, a pipeline and a member."""
    rights = [*ON_THE_SITE, ("Virtual Machine Contributor", MACHINE), *OPERATOR]
    pipeline = alone(mct, azure, *PIPELINE, arm=rights)
    member = signed_in(
        mct, azure, monkeypatch, arm=rights, directoryRoles=["Application Developer"]
    )
    monkeypatch.chdir(tmp_path)  # where `apply` looks for its file
    (tmp_path / "trust.toml").write_text(
        '[sites.contosolearn]\nresource-group = "mct-prod"\nclients = [{ name = "A" }]\n'
        f'managed-identities = [{{ resource = "{FUNCTION_APP}" }}, {{ resource = "reports-func" '
        f"}}]\n",
        encoding="utf-8",
    )
    secret = ("--secret-to", f"keyvault:{seed.VAULT}")
    identity = ("add-client", "--managed-identity", MACHINE, *WHERE, "-y")
    runs = [
        *(
            (pipeline, words)
            for words in (EVERYTHING[1], ("status", "-a", "contosolearn"), identity)
        ),
        (mct, ("teardown", *WHERE, "--purge", "-y")),
        *((member, words) for words in (EVERYTHING[0], ("setup", "--client", "P", *WHERE, "-y"))),
        (mct, ("teardown", *WHERE, "--purge", "-y")),
        *((mct, words) for words in EVERYTHING[:11]),
        *((mct, words) for words in (identity,)),
        (mct, ("add-client", "C", "--credential", "certificate", *WHERE, "-y")),
        (mct, ("add-client", "D", "--github", "contoso/deploy", *WHERE, "-y")),
        (mct, ("add-client", "E", *secret, *WHERE, "-y")),
        (mct, ("rotate-secret", "E", *WHERE, "-y")),
        (mct, ("remove-client", "E", "--delete-secrets", "--purge", *WHERE, "-y")),
        (mct, ("teardown", *WHERE, "-y")),
        (mct, EVERYTHING[1]),
    ]
    azure.forget()
    requests: list[Json] = []
    for program, words in runs:
        program(*words)
        requests += [row for row in azure.log() if row["service"] in _PATTERNS]
        azure.forget()
    return requests


def test_every_request_is_on_the_page_and_takes_what_it_says(sent: list[Json]) -> None:
    page = rows_of_page()
    asked = {(row["service"], shape(row)): row for row in sent}
    assert sorted(set(asked) - set(page)) == [], "missing on the page"
    assert sorted(set(page) - set(asked)) == [], "sent by no command"
    actions = {key: action_of(row) or "none" for key, row in asked.items() if key[0] == "arm"}
    del actions[
        "arm",
        "GET /subscriptions/{id}/providers/{namespace}/locations/{place}/operationStatuses/{id}",
    ]
    wrong = {key: action for key, action in actions.items() if action not in page[key]}
    assert wrong == {}, "another action is demanded"
