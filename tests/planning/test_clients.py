"""Whom a name means: the same client for every command."""

from dataclasses import replace

import pytest
from mct_s2s.errors import NotThere, Refused
from mct_s2s.model.desired import Desired, Removal, Rotation
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.ids import ClientId, PrincipalId
from mct_s2s.model.observed import ClientApplication, ObservedState, Trust
from mct_s2s.planning.clients import client_called, clients_called, did_you_mean
from mct_s2s.planning.make import make_plan

from tests.planning.scenarios import (
    IMPORT,
    LATER,
    SERVICE,
    SERVICE_PRINCIPAL,
    SPEC,
    WHERE,
    client,
    complete,
    guid,
    observed_state,
    said,
    settings,
    spec,
    trust,
)

EXPORT = client("Export", key=None)


def called(name: str, observed: ObservedState) -> list[str]:
    return [client.display_name for client in clients_called(name, observed)]


def renamed(application: ClientApplication, name: str) -> ClientApplication:
    return replace(application, application=replace(application.application, display_name=name))


@pytest.mark.parametrize(
    "name",
    [
        "Export",
        "EXPORT",
        " export ",
        EXPORT.client_id,
        EXPORT.client_id.upper(),
        EXPORT.principal.id if EXPORT.principal else "",
    ],
)
def test_a_name_or_an_id_means_a_client_whatever_its_case(name: str) -> None:
    assert called(name, complete(IMPORT, EXPORT)) == ["Export"]


def test_a_renamed_client_is_meant_by_the_name_it_was_made_for() -> None:
    assert called("Import", complete(renamed(IMPORT, "Reports"), renamed(EXPORT, "Import"))) == [
        "Reports"
    ]


def test_among_names_that_differ_in_case_alone_the_exact_one_is_meant() -> None:
    lower = client("import", key=None)
    both = complete(renamed(EXPORT, "Import"), lower)
    assert called("Import", both) == ["Import"]
    assert called("import", both) == ["import"]
    assert sorted(called("IMPORT", both)) == ["Import", "import"], (
        "and that is for the command to refuse"
    )


def test_a_namesake_outside_the_trust_is_never_meant() -> None:
    outside = observed_state(
        Trust(SERVICE, SERVICE_PRINCIPAL, (), (client("Import", key=None),)), settings()
    )
    assert called("Import", outside) == []


def test_a_namesake_of_another_app_service_is_meant_only_where_this_one_lists_it() -> None:
    theirs = client("Export", key="mct-s2s-site-b.export-2cff9baabf")
    shared = observed_state(trust(theirs), settings())
    assert called("Export", shared) == []
    listed = settings(ServiceApplicationIds=theirs.client_id)
    assert called("Export", observed_state(trust(theirs), listed)) == ["Export"]


COMMANDS: dict[str, tuple[Desired, str]] = {
    "setup": (spec("IMPORT"), ""),
    "rotate-secret": (Rotation(SPEC, expires=LATER, clients=("IMPORT",)), "create secret Import"),
    "remove-client": (
        Removal(SPEC, clients=("IMPORT",), delete_adopted=True),
        "delete client application Import",
    ),
}


@pytest.mark.parametrize(("desired", "expected"), COMMANDS.values(), ids=COMMANDS.keys())
def test_every_command_takes_a_name_whatever_its_case(desired: Desired, expected: str) -> None:
    steps = said(make_plan(desired, complete(IMPORT)))
    assert expected in steps if expected else steps == []


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("S2S-clinet", "Did you mean 'S2S-client'?"),
        (" IMPROT ", "Did you mean 'Import'?"),
        ("zzzzzzzz", "List them."),
    ],
)
def test_the_nearest_name_is_told_in_any_case_of_its_letters(name: str, told: str) -> None:
    assert did_you_mean(name, ["Import", "S2S-client"], "List them.") == told
    assert did_you_mean(name, [], "List them.") == "List them."


def test_the_nearest_name_is_that_of_the_same_number() -> None:
    known = ["learn-01", "learn-10", "learn-18"]
    assert did_you_mean("learn-1", known) == "Did you mean 'learn-01'?"
    assert did_you_mean("laern-18", known) == "Did you mean 'learn-18'?"
    assert did_you_mean("learn-77", known, "List them.") == "List them.", "it is another one"
    assert did_you_mean("learn-2", ["learn-1", "other"]) == "Did you mean 'learn-1'?"


def test_a_managed_identity_has_nothing_to_rotate_and_no_other_client_is_proposed() -> None:
    observed = complete(IMPORT, client("reports-fun"))
    identity = ServicePrincipal(
        PrincipalId(guid("identity")), ClientId(guid("identity-id")), "reports-func"
    )
    observed = replace(observed, trust=replace(observed.trust, identities=(identity,)))
    with pytest.raises(Refused, match="it has no secret to rotate") as refused:
        make_plan(Rotation(SPEC, clients=("Reports-Func",)), observed)
    assert (refused.value.code, refused.value.command) == ("no-secret-to-rotate", "")


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("Improt", "Did you mean 'Import'?"),
        ("zzzz", f"To see what is set up, run: mct-s2s status {WHERE}"),
    ],
)
def test_the_nearest_name_is_enough_of_a_remedy(name: str, remedy: str) -> None:
    with pytest.raises(NotThere) as refused:
        make_plan(Rotation(SPEC, clients=(name,)), complete(IMPORT))
    assert refused.value.remedy == remedy


@pytest.mark.parametrize(
    ("there", "listed"),
    [
        (complete(IMPORT, EXPORT), "The clients are: Export, Import."),
        (complete(), "There are none."),
    ],
    ids=["some", "none"],
)
def test_a_name_that_means_no_client_is_refused_with_those_that_there_are(
    there: ObservedState, listed: str
) -> None:
    with pytest.raises(NotThere) as refused:
        client_called("Missing", there)
    assert refused.value.headline == f"'Missing' is not a client of this App Service. {listed}"


def test_a_namesake_that_holds_the_role_for_something_else_is_none_of_the_clients() -> None:
    elsewhere = replace(IMPORT.application, unique_name="mct-s2s-site-b.import-2cff9baabf")
    there = trust(replace(IMPORT, application=elsewhere), EXPORT)
    with pytest.raises(NotThere) as refused:
        client_called(
            "Import", observed_state(there, settings(ServiceApplicationIds=EXPORT.client_id))
        )
    assert refused.value.headline == (
        "'Import' is not a client of this App Service. The clients are: Export. Another one of "
        "that name holds the app role, and was created for something else."
    )
