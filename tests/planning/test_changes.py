"""A registration is known by its appId and a service principal by its object ID, whatever is done to it."""

from dataclasses import replace

from mct_s2s.model.desired import Removal
from mct_s2s.model.ids import ClientId
from mct_s2s.planning.changes import Identifiers, Output, Outputs, UpdateApplication, identify
from mct_s2s.planning.make import make_plan

from tests.planning.scenarios import CONTEXT, IMPORT, SERVICE, SERVICE_ID, complete, guid, observed_state, spec

TEARDOWN = Removal(spec().service, everything=True, purge=True)


def test_nothing_is_known_of_what_has_yet_to_be_created() -> None:
    new = {"service application", "client application", "service principal", "API permission"}
    steps = make_plan(spec("Import"), observed_state(), CONTEXT).steps
    known = {step.resource: identify(step, Outputs()) for step in steps if step.resource in new}
    assert known == dict.fromkeys(new, Identifiers())


def test_what_was_created_has_the_ids_that_it_got() -> None:
    outputs = Outputs()
    steps = {step.key: step for step in make_plan(spec("Import"), observed_state(), CONTEXT).steps}
    outputs["client:Import", Output.CLIENT_ID] = guid("app")
    outputs["client:Import", Output.OBJECT_ID] = guid("object")
    outputs["client:Import:principal", Output.PRINCIPAL_ID] = guid("principal")
    whole = Identifiers(guid("app"), guid("app"), guid("object"))
    assert identify(steps["client:Import"], outputs) == whole
    assert identify(steps["client:Import:access"], outputs) == whole
    principal = Identifiers(guid("principal"), guid("app"), guid("principal"))
    assert identify(steps["client:Import:principal"], outputs) == principal


def test_a_registration_that_goes_is_known_by_the_same_ids_as_one_that_stays() -> None:
    here = complete(IMPORT)
    known = {
        (IMPORT.client_id, IMPORT.client_id, IMPORT.application.object_id),
        (SERVICE_ID, SERVICE_ID, SERVICE.object_id),
    }
    for plan in (make_plan(TEARDOWN, here, CONTEXT), make_plan(spec("Import"), here, CONTEXT)):
        found = [identify(step, Outputs()) for step in plan.steps if "application" in step.key]
        found += [identify(step, Outputs()) for step in plan.steps if step.resource == "recycle bin"]
        assert found
        assert {(one.id, one.app_id, one.object_id) for one in found} <= known


def test_an_application_id_uri_is_called_by_its_appid_as_soon_as_that_is_known() -> None:
    (uri,) = [s for s in make_plan(spec(), observed_state(), CONTEXT).steps if isinstance(s, UpdateApplication)]
    outputs = Outputs()
    assert uri.named(outputs).name == "api://<appId>"
    outputs["service-application", Output.URI] = f"api://{guid('made')}"
    assert uri.named(outputs).name == f"api://{guid('made')}"


def test_the_uri_of_a_registration_that_exists_is_in_the_plan() -> None:
    bare = complete()
    bare = replace(bare, trust=replace(bare.trust, service=replace(SERVICE, identifier_uris=())))
    bare = replace(bare, app_service=observed_state().app_service)
    (step,) = [s for s in make_plan(spec(), bare, CONTEXT).steps if isinstance(s, UpdateApplication)]
    assert f"api://{ClientId(SERVICE_ID)}" in step.detail
