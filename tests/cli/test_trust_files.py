"""The entries of a trust file mean what the same options mean, and a mistake is told where it is in the file."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mct_s2s.azure.sign_in.method import Method
from mct_s2s.cli.option_values import option_value
from mct_s2s.cli.options import AzureOptions, ChangingOptions
from mct_s2s.cli.options.setup import SetupOptions
from mct_s2s.cli.setting_up import Setup
from mct_s2s.cli.trust_file.entries import CLIENT_ID, SiteSetup, site_setups
from mct_s2s.cli.trust_file.refusals import as_in_file
from mct_s2s.errors import UsageError
from mct_s2s.inputs.trust_file import read_trust_file
from mct_s2s.model.trust_file import (
    CLIENT_KEYS,
    IDENTITY_KEYS,
    PROFILE_KEYS,
    SITE_KEYS,
    ClientEntry,
    IdentityEntry,
    Profile,
    SiteEntry,
    TrustFile,
)

from tests.support.sampling import cases

GUID = "11111111-2222-3333-4444-555555555555"
MALFORMED = "trust-file-malformed"


@dataclass
class File:
    """A trust file, and the options of a command that reads it."""

    path: Path

    def setups(
        self,
        text: str,
        options: AzureOptions | None = None,
        *,
        typed: tuple[str, ...] = (),
        only: tuple[str, ...] = (),
    ) -> tuple[SiteSetup, ...]:
        self.path.write_text(text)
        return site_setups(read_trust_file(self.path), options or ChangingOptions(), typed=typed, only=only)

    def refused(self, text: str, *, typed: tuple[str, ...] = (), only: tuple[str, ...] = ()) -> UsageError:
        with pytest.raises(UsageError) as caught:
            self.setups(text, typed=typed, only=only)
        caught.value.headline = caught.value.headline.replace(str(self.path), "F")
        return caught.value


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> File:
    monkeypatch.chdir(tmp_path)
    return File(tmp_path / "trust.toml")


def test_every_key_is_an_option_of_setup() -> None:
    names = {*vars(SetupOptions())}
    for keys in (PROFILE_KEYS, SITE_KEYS, CLIENT_KEYS):
        left = {key.replace("-", "_") for key in keys} - names
        assert left <= {"client_id", "name"}
    assert set(IDENTITY_KEYS) == {"resource"}


def test_a_site_is_the_setup_of_the_same_options(file: File) -> None:
    (one,) = file.setups(
        f"""
        [profiles.p]
        tenant = "contoso.onmicrosoft.com"
        auth = "cli"
        client-id = "{GUID}"
        [sites.learn]
        profile = "p"
        app-service = "contosolearn"
        resource-group = "mct-prod"
        role = "Reader"
        service-management-reference = "7"
        clients = [
          {{ name = "Import", secret-lifetime = "90d", secret-to = "file:import.env" }},
          {{ name = "Deploy", credential = "federated", github = "octo/deploy" }},
          {{ name = "Portal", credential = "none", no-consent = true, service-management-reference = "8" }},
        ]
        managed-identities = [{{ resource = "reports-func" }}]
        """,
        ChangingOptions(subscription="S", tenant="ignored.example", dry_run=True, app_service="other", slot="other"),
    )
    options, setup = one.setup.options, one.setup
    assert (options.app_service, options.resource_group, options.slot) == ("contosolearn", "mct-prod", None)
    assert (options.tenant, options.subscription, options.auth) == ("contoso.onmicrosoft.com", "S", Method.CLI)
    assert (options.dry_run, options.role, one.client_id) == (True, "Reader", GUID)
    alone = Setup.of(SetupOptions(client=["Import"], secret_lifetime="90d", service_management_reference="7"))
    assert setup.clients[0].name == "Import"
    assert setup.clients[0].management_reference == alone.clients[0].management_reference == "7"
    assert [(one.name, one.consent, one.management_reference) for one in setup.clients[1:]] == [
        ("Deploy", True, "7"),
        ("Portal", False, "8"),
    ]
    assert setup.places.of("import").path == file.path.parent / "import.env"
    assert setup.places.of("Deploy").path is None
    assert setup.identities == ("reports-func",)
    assert not options.verifies, "a client without consent cannot call"


def test_only_some_sites_are_the_work_and_all_are_checked(file: File) -> None:
    text = "[sites.a]\n[sites.b]\n[sites.c]\n"
    assert [one.entry.key for one in file.setups(text, only=("c", "a"))] == ["a", "c"]
    assert file.refused(text, only=("B",)).code == "site-unknown"
    assert file.refused(f"{text}slot = '_'", only=("a",)).headline.startswith("'F', line 4, sites.c.slot: Invalid slot")


@pytest.mark.parametrize(
    ("text", "code", "told", "remedy"),
    [
        (
            "[sites.a_b]\n",
            "malformed-app-service",
            "line 1, sites.a_b: Invalid app-service 'a_b'.",
            "Use the name without https:// and .azurewebsites.net, or the full resource ID.",
        ),
        (
            "[profiles.p]\ncloud = 'pubic'\n[sites.a]\nprofile = 'p'\n[sites.b]\nprofile = 'p'",
            "unknown-cloud",
            "line 2, profiles.p.cloud: Invalid cloud 'pubic'.",
            None,
        ),
        (
            "[profiles.p]\nauth = 'x'\n[sites.a]\nprofile = 'p'",
            "usage",
            "line 2, profiles.p.auth: Invalid auth 'x'.",
            None,
        ),
        (
            "[profiles.p]\nclient-id = 'x'\n[sites.a]\nprofile = 'p'",
            "malformed-id",
            "line 2, profiles.p.client-id: Invalid client-id 'x'.",
            "Use an appId, which is a GUID.",
        ),
        (
            "[[sites.a.clients]]\nname = 'I'\n\nsecret-lifetime = '3y5'",
            "malformed-lifetime",
            "line 4, sites.a.clients[0].secret-lifetime: Invalid secret-lifetime '3y5'.",
            None,
        ),
        (
            "[[sites.a.clients]]\nname = 'I'\nsecret-to = 'keyvault:-'",
            "malformed-vault",
            "line 3, sites.a.clients[0].secret-to: Invalid key vault '-'",
            None,
        ),
        (
            "[[sites.a.clients]]\nname = 'I'\ncredential = 'federated'",
            "federation-incomplete",
            "line 3, sites.a.clients[0].credential: A federated credential needs",
            'Add github = "OWNER/REPO", or federated-issuer = "URL" and federated-subject = "TEXT".',
        ),
        (
            "[[sites.a.clients]]\nname = 'I'\ngithub = 'a/b'",
            "contradictory-options",
            'line 3, sites.a.clients[0].github: github requires credential = "federated"',
            'Add credential = "federated", or remove github.',
        ),
        (
            "[[sites.a.clients]]\nname = 'I'\nsecret-to = 'show'",
            "secret-place-unfit",
            "line 3, sites.a.clients[0].secret-to: Invalid secret-to 'show'",
            None,
        ),
        (
            "[[sites.a.managed-identities]]\nresource = '/subscriptions/x'",
            "malformed-resource-id",
            "line 2, sites.a.managed-identities[0].resource: ",
            None,
        ),
        (
            f"[[sites.a.clients]]\nname = '{'n' * 121}'",
            "client-name-unusable",
            "line 2, sites.a.clients[0].name: ",
            None,
        ),
    ],
)
def test_a_value_is_refused_as_its_option_would_be(
    file: File, text: str, code: str, told: str, remedy: str | None
) -> None:
    error = file.refused(text)
    assert (error.code, error.exit_code) == (code, 2)
    assert error.headline.startswith(f"'F', {told}")
    assert remedy in {None, error.advice}


def test_mistakes_of_several_entries_are_listed_together(file: File) -> None:
    error = file.refused("[[sites.a.clients]]\nname = 'I'\nsecret-lifetime = 'x'\n[sites.b]\nslot = '_'")
    assert (error.code, error.headline, len(error.items)) == (MALFORMED, "'F' has 2 mistakes.", 2)


def test_what_a_profile_says_is_not_typed_as_well(file: File) -> None:
    text = "[profiles.p]\ntenant = 't.example'\n[sites.a]\nprofile = 'p'"
    assert file.setups(text, typed=("subscription",))
    error = file.refused(text, typed=("tenant",))
    assert error.headline == "'F', line 2, profiles.p.tenant: --tenant was typed, and the profile says something else."
    assert file.setups(text, ChangingOptions(tenant="t.example"), typed=("tenant",)), "the same is no contradiction"


def test_an_address_to_sign_in_at_is_never_the_files_alone(file: File) -> None:
    """Who can change the file could have a secret, or an assertion, sent to a service of their own."""
    text = "[profiles.p]\ncloud = 'https://management.example.com'\n[sites.a]\nprofile = 'p'"
    error = file.refused(text)
    assert (error.code, error.exit_code) == ("cloud-not-confirmed", 2)
    assert error.headline.startswith("'F', line 2, profiles.p.cloud: Invalid cloud 'https://management.example.com'")
    assert file.setups(text, ChangingOptions(cloud="https://Management.example.com:443/"))
    for here in ("https://localhost:8443", "https://arm.localhost", "https://127.0.0.1:1"):
        assert file.setups(text.replace("https://management.example.com", here))
    for there in ("https://localhost.example.com", "https://localhost@example.com", "https://127.0.0.1.example.com"):
        assert file.refused(text.replace("https://management.example.com", there)).code == "cloud-not-confirmed"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("app-service = 'x'", "app-service = 'X'", True),
        ("app-service = 'x'", "app-service = 'x'\nslot = 's'", False),
        ("app-service = 'x'\nresource-group = 'G'", "app-service = 'x'\nresource-group = 'g'", True),
        ("app-service = 'x'\nresource-group = 'a'", "app-service = 'x'\nresource-group = 'b'", False),
        ("app-service = 'x'\nresource-group = 'a'", "app-service = 'x'", True),
        ("app-service = 'x'\nprofile = 'p'", "app-service = 'x'\nprofile = 'q'", False),
        (
            "app-service = 'x'\nresource-group = 'g'",
            f"app-service = '/subscriptions/{GUID}/resourceGroups/g/providers/Microsoft.Web/sites/x'",
            True,
        ),
    ],
)
def test_two_entries_are_not_the_same_app_service(file: File, one: str, other: str, same: bool) -> None:
    profiles = "[profiles.p]\nsubscription = 'one'\n[profiles.q]\nsubscription = 'two'\n"
    text = f"{profiles}[sites.a]\n{one}\n[sites.b]\n{other}\n"
    if not same:
        assert len(file.setups(text)) == 2
        return
    error = file.refused(text)
    assert "is in line 5 already" in error.headline
    assert error.code == MALFORMED


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("file:x.env", "file:./x.env", True),
        ("file:secrets/", "file:secrets/", False),
        ("keyvault:kv-one", "keyvault:kv-one", False),
        ("keyvault:kv-one/n", "keyvault:KV-one/N", True),
        ("keyvault:kv-one/n", "keyvault:https://kv-one.vault.azure.net/secrets/n", True),
        ("exec:gh secret set A", "exec:gh  secret set A", True),
        ("exec:gh secret set {client}", "exec:gh secret set {client}", False),
    ],
)
def test_two_clients_have_no_secret_in_one_place(file: File, one: str, other: str, meet: bool) -> None:
    text = (
        f"[[sites.a.clients]]\nname = 'One'\nsecret-to = '{one}'\n"
        f"[[sites.b.clients]]\nname = 'Two'\nsecret-to = '{other}'\n"
    )
    if not meet:
        assert len(file.setups(text)) == 2
        return
    error = file.refused(text)
    assert error.code == "secret-place-shared"
    assert error.headline == (
        "'F', line 6, sites.b.clients[0].secret-to: the secret of 'One' of a goes there, too (line 1)."
    )


def test_a_folder_for_two_sites_is_no_place_for_clients_of_one_name(file: File) -> None:
    text = "".join(f"[[sites.{key}.clients]]\nname = 'One'\nsecret-to = 'file:secrets/'\n" for key in "ab")
    assert file.refused(text).code == "secret-place-shared"


def test_texts_about_options_are_texts_about_keys() -> None:
    told = "Add --secret-to keyvault:VAULT, or remove --github. --credential is 'secret'; --client A stays."
    assert as_in_file(told) == (
        "Add secret-to = \"keyvault:VAULT\", or remove github. credential is 'secret'; --client A stays."
    )


def test_values_of_options_are_of_the_options_types() -> None:
    assert option_value(SetupOptions, "auto_lifetime", "Yes") is True
    assert option_value(SetupOptions, "certificate", "a.pem") == Path("a.pem")
    assert CLIENT_ID not in vars(SetupOptions())
    with pytest.raises(UsageError, match="Invalid --auto-lifetime 'x'"):
        option_value(SetupOptions, "auto_lifetime", "x")


ODD = st.one_of(
    st.text(min_size=1, max_size=20),
    st.sampled_from(
        ["https://[", "keyvault:https://[", "file:~nobody/x", "exec:'", "/subscriptions//", "api://", "%00", "a" * 5000]
    ),
)


@settings(max_examples=cases(150, 2000), deadline=None)
@given(st.sampled_from([*PROFILE_KEYS, *SITE_KEYS, *CLIENT_KEYS, *IDENTITY_KEYS]), ODD)
@example("cloud", "https://[")
@example("federated-issuer", "https://[")
def test_any_text_is_taken_or_refused_with_its_place(key: str, text: str) -> None:
    """A mistake that only a traceback tells has no line."""
    own = {key: text} if key in CLIENT_KEYS and key not in {*SITE_KEYS, "name"} else {}
    kind = {"credential": "federated"} if key.startswith(("federated", "github")) else {}
    entry = ClientEntry(3, text if key == "name" else "I", {**kind, **own})
    profile = Profile(1, "p", {key: text}) if key in PROFILE_KEYS else None
    identities = (IdentityEntry(4, text),) if key == "resource" else ()
    site = SiteEntry(2, "a", profile, {key: text} if key in SITE_KEYS else {}, (entry,), identities)
    with contextlib.suppress(UsageError):
        assert site_setups(TrustFile(Path("trust.toml"), (site,)), ChangingOptions())
