"""Whatever text an option gets, it is taken or refused with an error of ours: every parser of the command line."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mct_s2s.cli.requests import check_role, named_spec
from mct_s2s.errors import S2SError
from mct_s2s.inputs.clients import client_names, management_reference
from mct_s2s.inputs.documents import given_values
from mct_s2s.inputs.secret_to import secret_to, vault_to
from mct_s2s.inputs.target import api_path, api_url, caller_resource, site_target, tenant
from mct_s2s.model.desired import ServiceSpec
from mct_s2s.model.duration import duration, expiry
from mct_s2s.model.ids import client_unique_name, file_stem, secret_name
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import SETTINGS, Setting
from mct_s2s.planning.federation import federated_spec, github_subject

from tests.support.sampling import cases

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
GUID = "11111111-2222-3333-4444-555555555555"


def _given(setting: Setting) -> Callable[[str], Any]:
    return lambda text: given_values({setting.name: [text]})


PARSERS: dict[str, Callable[[str], Any]] = {
    "--url": api_url,
    "--path": api_path,
    "--client": lambda text: client_names([text]),
    "--secret-to": lambda text: (secret_to(text, 1), secret_to(text, 2) if not text.startswith("file:") else None),
    "keyvault:": vault_to,
    "--keep-old": lambda text: duration(text, "--keep-old"),
    "--github": github_subject,
    "--federated-issuer": lambda text: federated_spec(text, "s", None, None),
    "--federated-subject": lambda text: federated_spec("https://issuer", text, None, None),
    "--federated-audience": lambda text: federated_spec("https://issuer", "s", text, None),
    **{f"{setting.option} of configure-appservice": _given(setting) for setting in SETTINGS if setting.option},
    "--secret-lifetime": lambda text: expiry(text, NOW),
    "-a": lambda text: site_target(text, None, None, None),
    "-g": lambda text: site_target("site", text, None, None),
    "-s": lambda text: site_target("site", None, text, None),
    "--slot": lambda text: site_target("site", None, None, text),
    "--managed-identity": caller_resource,
    "--tenant": lambda text: tenant(text, "--tenant"),
    "--role": check_role,
    "--service-management-reference": management_reference,
    "--service-name": lambda text: named_spec(ServiceSpec(display_name=text), None),
    "a resource id": ResourceId.parse,
    "names made of names": lambda text: (
        file_stem(text),
        client_unique_name("mct-s2s-x", text),
        secret_name(text, text),
    ),
}
ANY = st.one_of(
    st.text(st.characters(), max_size=40),
    st.text("/.:-_%?#[]@\\ \0²٣é1aZ", max_size=40),
    st.sampled_from(
        [GUID, f"/subscriptions/{GUID}/resourceGroups/g/providers/Microsoft.Web/sites/s", "https://h"]
    ).flatmap(lambda begin: st.text(st.characters(), max_size=5).map(lambda end: begin + end)),
    st.sampled_from(["file:", "keyvault:", "keyvault:https://", "https://", "/", "system:serviceaccount:"]).flatmap(
        lambda begin: st.text(st.characters(), max_size=30).map(lambda end: begin + end)
    ),
)


@pytest.mark.parametrize("option", PARSERS)
@settings(max_examples=cases(60, 5000))
@given(text=ANY)
@example(text="https://[")
@example(text="https://a:99999999")
@example(text="file:\0")
@example(text="file:" + "a" * 5000)
@example(text="²y")
@example(text="9999-12-31T23:59:59-23:59")
@example(text="\ud800")
def test_a_text_is_taken_or_refused(option: str, text: str) -> None:
    with contextlib.suppress(S2SError):
        PARSERS[option](text)


@settings(max_examples=cases(200, 5000))
@given(st.text(st.characters(), max_size=30), st.text(st.characters(), max_size=30))
def test_what_is_taken_stays_a_part_of_a_path(group: str, slot: str) -> None:
    try:
        target = site_target("site", group, GUID, slot)
    except S2SError:
        return
    path = str(ResourceId.site(GUID, target.group or "g", target.name, target.slot))
    assert path.count("/") == (8 if target.slot is None else 10)
    assert not {"", ".", ".."} & set(path.split("/")[1:])
    assert not set(path) & set("%?#\\")
    assert ResourceId.parse(path).slot == target.slot
    assert len(shlex.split(shlex.quote(path))) == 1
