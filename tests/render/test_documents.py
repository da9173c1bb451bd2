"""The JSON documents, valid by their schemas and kept as they are: `pytest --update-screens` takes
new ones.

The schemas are complete, self-contained, explained, and true of what the program writes or reads.
"""

import copy
import datetime as dt
import functools
import json
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from mct_s2s.cli.options import ChangingOptions
from mct_s2s.cli.trust_file_requests import sites_in
from mct_s2s.errors import Instruction, MissingRight, PermissionMissing, UsageError
from mct_s2s.model.client_credentials import CredentialKind
from mct_s2s.model.directory_objects import Application
from mct_s2s.model.observed import ClientApplication, ObservedState, Trust
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.reports.findings import Finding, Severity, diagnose
from mct_s2s.planning.reports.status import SiteStatus
from mct_s2s.planning.reports.verification import (
    CALL,
    CheckSubject,
    Verification,
    VerificationCheck,
)
from mct_s2s.render.documents import ErrorDocument, Part, StatusDocument
from mct_s2s.render.schemas import DOCUMENTS, FILES, schema
from mct_s2s.render.site_report import SiteReport

from tests.cli.schemas import check
from tests.planning.scenarios import (
    FOREIGN,
    IMPORT,
    NOW,
    SERVICE,
    SUBSCRIPTION,
    WHERE,
    client,
    complete,
    credential,
    guid,
    observed_state,
    settings,
    site_of,
    spec,
    trust,
)
from tests.render.examples import (
    full_plan,
    healthy,
    planned,
    principal,
    refusal,
    removal,
    result_of,
    right_already,
    saved,
    with_role_off,
    with_settings,
)
from tests.support.mct import MCT, NAMES
from tests.support.sampling import cases
from tests.support.screens import check_kept

DIGEST = "0" * 64


FOLDER = Path(__file__).parent / "documents"
FEDERATED = replace(credential(kind=CredentialKind.FEDERATED), expires=None, name=None)
FOUND = Finding("client-not-consented", "Import", "'Import' has no consent.", "mct-s2s add-client")
SLOT = ResourceId.site(SUBSCRIPTION, "mct-prod", "contosolearn", "staging")
RIGHT = MissingRight(
    "grant admin consent to 'A'", "Cloud Application Administrator", "Ada", "az rest"
)
BLOCKED = replace(full_plan(), missing={full_plan().steps[0].key: (RIGHT,)})
MANUAL = Instruction(
    "Consent", "mct-s2s add-client", "Ada", "https://login/adminconsent", {"ServiceAuthRole": "R"}
)

PROOF = Verification(
    "https://learn",
    "/api",
    (VerificationCheck("Import", CheckSubject.APPLICATION, CALL, True, "It can call the API."),),
    api=MCT,
)


def status_of(observed: ObservedState, *findings: Finding) -> dict[str, Any]:
    return written(StatusDocument.of(SiteStatus(observed, findings or diagnose(observed))))


def written(document: Part) -> dict[str, Any]:
    return document.model_dump(by_alias=True)


def named(application: ClientApplication, name: str) -> ClientApplication:
    assert application.principal is not None
    return replace(
        application,
        application=Application(),
        principal=replace(application.principal, display_name=name),
    )


WRITTEN: dict[str, dict[str, Any]] = {
    "status": status_of(healthy()),
    "status with a finding": status_of(complete(IMPORT), FOUND),
    "status of a site that allows no identity": status_of(with_settings(healthy(), settings())),
    "status without an App Service": status_of(replace(healthy(), app_service=None)),
    "status in another cloud": status_of(
        replace(healthy(), login="https://login.microsoftonline.us")
    ),
    "status of a slot": status_of(
        replace(
            complete(IMPORT),
            app_service=replace(site_of(complete(IMPORT)), resource=SLOT),
            trust=replace(trust(IMPORT), unique_name="mct-s2s-contosolearn_staging"),
        )
    ),
    "status of nothing": status_of(
        ObservedState(NOW, "usgov", None, None, Trust(), where=WHERE, api=MCT)
    ),
    "status of a half-made service application": status_of(
        observed_state(Trust(replace(SERVICE, identifier_uris=(), app_roles=())), settings())
    ),
    "status of a role that is off": status_of(with_role_off(complete(IMPORT))),
    "status of a client of another tenant": status_of(complete(named(IMPORT, "Partner [/red]"))),
    "status of a client without a service principal": status_of(
        complete(replace(IMPORT, principal=None))
    ),
    "status of a federated client beside a stranger": status_of(
        observed_state(
            trust(client("Import", FEDERATED), client("Stranger"), consented=False),
            settings(ServiceApplicationIds=guid("Import")),
        )
    ),
    "plan": written(result_of(dry_run=True, changes=planned(full_plan()), fingerprint=DIGEST)),
    "plan that is blocked": written(
        result_of(dry_run=True, changes=planned(BLOCKED)[:1], fingerprint=DIGEST, missing=[RIGHT])
    ),
    "plan of settings": written(
        result_of(
            changes=planned(
                make_plan(
                    spec("Import"), with_settings(healthy(), settings(ServiceAuthEnabled="no"))
                ),
                dry_run=False,
            )
        )
    ),
    "result": written(
        result_of(
            changes=planned(
                Plan((principal(), removal(), right_already())),
                replace(principal(), detail="made"),
                dry_run=False,
                PRINCIPAL_ID=guid("made"),
            ),
            credentials=[
                saved(),
                replace(saved(), saved_to=None, created=False),
                replace(saved(saved_to="show"), secret="s3cr3t"),
                replace(
                    saved(saved_to=None), expires=None, kind=CredentialKind.FEDERATED, client_id=""
                ),
            ],
            manual_steps=[MANUAL, Instruction("Restart", "az webapp restart")],
            verification=PROOF,
        )
    ),
    "error before anything was begun": written(ErrorDocument.of(SiteReport(""), refusal())),
    "error on the way": written(
        ErrorDocument.of(
            SiteReport(
                "",
                done=[principal("One")],
                in_doubt=[removal("Two")],
                not_done=[principal("Three")],
            ),
            refusal(request_id=None),
        )
    ),
    "error of rights": written(
        ErrorDocument.of(
            SiteReport(""),
            PermissionMissing("permission-missing", "x", remedy="y", missing=[RIGHT]),
        )
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_document_is_as_it_was_and_as_its_schema_says(name: str) -> None:
    check(WRITTEN[name])
    check_kept(FOLDER / f"{name}.json", json.dumps(WRITTEN[name], indent=2) + "\n")


def test_only_the_seven_settings_are_ever_reported() -> None:
    """And under the document's name, whatever their case."""
    odd = {**FOREIGN, **{name.upper(): value for name, value in settings().items()}}
    assert {*status_of(with_settings(complete(), odd))["appService"]["settings"]} <= {*NAMES}


@pytest.mark.parametrize(
    ("severity", "healthy"),
    [(Severity.ERROR, False), (Severity.WARNING, False), (Severity.NOTE, True)],
)
def test_a_note_alone_leaves_the_trust_healthy(severity: Severity, healthy: bool) -> None:
    assert (
        status_of(complete(), Finding("token-version", "x", "x", "x", severity))["healthy"]
        is healthy
    )


def parts(node: Any) -> Iterator[dict[str, Any]]:
    """Every schema within a schema."""
    if isinstance(node, list):
        for item in node:
            yield from parts(item)
    elif isinstance(node, dict):
        yield node
        for value in node.values():
            yield from parts(value)


@pytest.mark.parametrize("name", [*DOCUMENTS, *FILES])
def test_a_schema_is_valid_and_stands_alone(name: str) -> None:
    document_schema = schema(name)
    Draft202012Validator.check_schema(document_schema)
    assert document_schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert [part for part in parts(document_schema) if "$ref" in part] == []
    assert sum("$schema" in part for part in parts(document_schema)) == 1
    assert [
        text for part in parts(document_schema) if "\n" in str(text := part.get("description", ""))
    ] == []


@pytest.mark.parametrize("name", [*DOCUMENTS, *FILES])
def test_every_member_is_explained_and_none_is_required_that_is_not_there(name: str) -> None:
    for part in parts(schema(name)):
        members = part.get("properties")
        if isinstance(members, dict):
            unexplained = [
                key
                for key, member in members.items()
                if "description" not in member and "const" not in member
            ]
            assert unexplained == []
            assert set(part.get("required", ())) <= set(members)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_later_versions_may_add_members_and_codes(name: str) -> None:
    """A consumer that validates today's documents must not refuse tomorrow's."""
    for part in parts(schema(name)):
        assert part.get("additionalProperties") is not False
        assert not ("examples" in part and "enum" in part)


# the trust file's

SOUND: dict[str, Any] = {
    "profiles": {"p": {"tenant": "contoso.com", "auth": "cli"}},
    "sites": {
        "learn": {
            "profile": "p",
            "role": "Reader",
            "clients": [
                {
                    "name": "A",
                    "credential": "secret",
                    "auto-lifetime": True,
                    "secret-lifetime": "90d",
                }
            ],
            "managed-identities": [{"resource": "func"}],
        },
        "other": {},
    },
}


@functools.cache
def validator() -> Draft202012Validator:
    return Draft202012Validator(schema("trust"))


def is_read(document: dict[str, Any]) -> bool:
    try:
        sites_in(copy.deepcopy(document), ChangingOptions())
    except UsageError:
        return False
    return True


def is_valid(document: dict[str, Any]) -> bool:
    return bool(validator().is_valid(document))


@pytest.mark.parametrize(
    ("text", "sound"),
    [
        ("[sites.a]\nclients = []\n", True),
        ("[[sites.a.clients]]\nname = 'A'\nsecret-to = 'exec:gh secret set {client}'\n", True),
        ("[[sites.a.clients]]\nname = 'A'\nsecret-to = 'show'\n", False),
        ("[sites]\n", False),
        ("[sites.a]\nslot = ''\n", False),
        ('[sites.a]\nrole = "\\u0007"\n', False),
        ("[sites.' ']\napp-service = 'a'\n", False),
        (f"[sites.{'a' * 121}]\napp-service = 'a'\n", False),
    ],
)
def test_a_valid_document_is_read_and_another_one_is_refused(text: str, sound: bool) -> None:
    document = tomllib.loads(text)
    assert (is_valid(document), is_read(document)) == (sound, sound)


def _places(node: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    members = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    return [place, *(below for key, member in members for below in _places(member, (*place, key)))]


OTHERS = st.sampled_from(
    [1, 1.5, True, "", " ", "a\u0001", dt.date(2027, 6, 30), [], {}, {"x": 1}, ["a"], [{}]]
)


@examples(max_examples=cases(60, 2000), deadline=None)
@given(st.sampled_from(_places(SOUND)[1:]), st.sampled_from(["change", "remove", "add"]), OTHERS)
def test_a_changed_document_is_refused_by_model_and_schema_or_by_neither(
    place: tuple[Any, ...], how: str, other: Any
) -> None:
    document = copy.deepcopy(SOUND)
    *above, last = place
    node = functools.reduce(lambda part, key: part[key], above, document)
    match how:
        case "change":
            node[last] = other
        case "remove":
            del node[last]
        case _ if isinstance(node, dict):
            node["unknown"] = other
    if place[:2] == ("profiles", "p") and "p" not in document.get("profiles", {}):
        return  # that a profile is there no schema can say
    if place == ("profiles",) and how != "add":
        return
    assert is_valid(document) == is_read(document), document
