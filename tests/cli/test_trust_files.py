"""The entries of a trust file mean what the same options mean, and a mistake is named by
its key.
"""

import contextlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mct_s2s.cli import binding
from mct_s2s.cli.commands.apply import ApplyOptions
from mct_s2s.cli.commands.setup import SetupOptions, setup_request
from mct_s2s.cli.file_keys import with_keys
from mct_s2s.cli.file_site import FileSite
from mct_s2s.cli.options import ChangingOptions
from mct_s2s.cli.trust_file_requests import chosen, read_sites, sites_in
from mct_s2s.errors import UsageError
from mct_s2s.model.client_sign_in import Method
from mct_s2s.model.toml import Table
from mct_s2s.model.trust_file import ClientEntry, IdentityEntry, Profile, SiteEntry

from tests.support.sampling import cases
from tests.support.screens import check_kept

GUID = "11111111-2222-3333-4444-555555555555"
MALFORMED = "trust-file-malformed"


@dataclass
class File:
    """A trust file, and the options of a command that reads it."""

    path: Path

    def setups(
        self, text: str | bytes, *, typed: tuple[str, ...] = (), **options: Any
    ) -> tuple[FileSite, ...]:
        self.path.write_bytes(text if isinstance(text, bytes) else text.encode())
        command = ApplyOptions(file=self.path, **options)
        token = binding._typed.set(frozenset(typed))
        try:
            return chosen(read_sites(command), command)
        finally:
            binding._typed.reset(token)

    def refused(self, text: str | bytes, **how: Any) -> UsageError:
        with pytest.raises(UsageError) as caught:
            self.setups(text, **how)
        caught.value.statement = caught.value.statement.replace(str(self.path), "F")
        return caught.value


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> File:
    monkeypatch.chdir(tmp_path)
    return File(tmp_path / "trust.toml")


def test_every_key_is_an_option_of_setup() -> None:
    names = {*vars(SetupOptions())}
    for table in (Profile, SiteEntry, ClientEntry):
        assert {*table.model_fields} - names <= {
            "client_id",
            "name",
            "profile",
            "clients",
            "managed_identities",
        }


def test_a_site_is_the_setup_of_the_same_options(file: File) -> None:
    reference = 'service-management-reference = "8"'
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
          {{ name = "Portal", credential = "none", no-consent = true, {reference} }},
        ]
        managed-identities = [{{ resource = "reports-func" }}]
        """,
        subscription="S",
        tenant="ignored.example",
        dry_run=True,
    )
    options = one.options
    request = one.request
    setup = one.request.setup
    assert isinstance(options, SetupOptions)
    assert (options.app_service, options.resource_group, options.slot) == (
        "contosolearn",
        "mct-prod",
        None,
    )
    assert (options.tenant, options.subscription, options.auth) == (
        "contoso.onmicrosoft.com",
        "S",
        Method.CLI,
    )
    assert (options.dry_run, options.role, one.profile.client_id) == (True, "Reader", GUID)
    alone = setup_request(
        SetupOptions(secret_lifetime="90d", service_management_reference="7"), ["Import"]
    )
    assert setup.clients[0].name == "Import"
    assert (
        setup.clients[0].management_reference == alone.setup.clients[0].management_reference == "7"
    )
    others = [
        (client.name, client.consent, client.management_reference) for client in setup.clients[1:]
    ]
    assert others == [("Deploy", True, "7"), ("Portal", False, "8")]
    assert request.places.of("import").path == file.path.parent / "import.env"
    assert request.places.of("Deploy").path is None
    assert request.identities == ("reports-func",)
    assert not options.verifies, "a client without consent cannot call"


def test_with_only_some_sites_are_changed_and_all_entries_are_checked(file: File) -> None:
    text = "[sites.a]\n[sites.b]\n[sites.c]\n"
    assert [setup.key for setup in file.setups(text, only=["c", "a"])] == ["a", "c"]
    assert file.refused(text, only=["B"]).code == "site-unknown"
    assert file.refused(f"{text}slot = '_'", only=["a"]).headline.startswith(
        "'F', sites.c.slot: invalid value '_'"
    )


ONE = "[[sites.a.clients]]\nname = 'I'\n"
MISTAKES = (
    # of form
    "",
    "\nx = 1\n[sites.a]",
    "sites = 'a'",
    f"{ONE}secret-life = '1y'",
    "[sites.a]\nclients = ['B']",
    "[sites.a.clients]\nname = 'B'",
    "[sites.a]\n[[sites.a.clients]]\n",
    f"{ONE}secret-lifetime = 2027-06-30",
    f"{ONE}no-consent = 'yes'",
    '[sites.a]\nrole = "a\\u001b[31m"',
    '[sites."a\\nb"]',
    f"[sites.a]\nrole = 0x{'f' * 10_000}",
    # of value: as the option's
    "[sites.a_b]\n",
    "[profiles.p]\ncloud = 'pubic'\n[sites.a]\nprofile = 'p'\n[sites.b]\nprofile = 'p'",
    "[profiles.p]\nauth = 'x'\n[sites.a]\nprofile = 'p'",
    "[profiles.p]\nclient-id = 'x'\n[sites.a]\nprofile = 'p'",
    f"{ONE}secret-lifetime = '3y5'",
    f"{ONE}secret-to = 'keyvault:-'",
    f"{ONE}credential = 'federated'",
    f"{ONE}credential = 'certificate'\ngithub = 'a/b'",
    f"{ONE}credential = 'none'\nsecret-to = 'file:a'",
    f"{ONE}secret-to = 'show'",
    "[sites.a]\nservice-app = 'zzz'",
    "title = 'x'\n[sites.a]",
    "[[sites.a.managed-identities]]\nresource = '/subscriptions/x'",
    f"[[sites.a.clients]]\nname = '{'n' * 121}'",
)


def place_in(mistake: str) -> str:
    """The place that a mistake begins with, without the client's name."""
    return mistake.partition(":")[0].partition(" (")[0]


def test_a_mistake_is_named_by_its_key_and_a_value_is_refused_as_its_option_would_be(
    file: File,
) -> None:
    """`pytest --update-screens` takes new words."""
    mistakes = {}
    for text in MISTAKES:
        error = file.refused(text)
        assert error.exit_code == 2
        mistakes[text[:200]] = [error.code, error.headline, error.advice]
    check_kept(
        Path(__file__).parent / "mistakes_of_trust_files.json",
        json.dumps(mistakes, indent=2) + "\n",
    )


def test_every_mistake_of_one_client_is_listed(file: File) -> None:
    """Of form and of value, in words of ours."""
    error = file.refused(
        """
        [sites.a]
        slot = 5
        [[sites.a.clients]]
        name = "I"
        secret-lifetime = "3y6"
        auto-lifetime = "ja"
        credential = "password"
        secret-to = "show"
        colour = "x"
        """
    )
    listed = [item.what for item in error.items]
    assert {place_in(problem).rpartition(".")[2] for problem in listed} == {
        "slot",
        "secret-lifetime",
        "auto-lifetime",
        "credential",
        "secret-to",
        "colour",
    }
    assert not any("Input should" in problem for problem in listed)


def test_mistakes_of_a_profile_whose_name_is_mistyped_are_listed(file: File) -> None:
    error = file.refused(
        """
        [profiles.contoso]
        tenant = "Contoso Ltd"
        cloud = "http://localhost"
        [sites.a]
        profile = "contso"
        """
    )
    assert [place_in(item.what) for item in error.items] == [
        "profiles.contoso.tenant",
        "profiles.contoso.cloud",
        "sites.a.profile",
    ]


def test_every_wrong_value_of_one_client_is_listed(file: File) -> None:
    values = (
        "secret-lifetime = '9y'\nsecret-to = 'keyvault:x_y'\ngithub = 'a'\ncertificate = 'no.pem'\n"
    )
    listed = [item.what for item in file.refused(f"{ONE}{values}").items]
    keys = [place_in(problem).rpartition(".")[2] for problem in listed]
    assert keys == ["secret-lifetime", "secret-to", "certificate"]


def test_a_client_whose_name_is_wrong_or_missing_hides_no_other_mistake_of_its_table(
    file: File,
) -> None:
    error = file.refused(
        """
        [[sites.a.clients]]
        secret-to = "file:one.env"
        secret-lifetime = "3y6"
        [[sites.a.clients]]
        name = "I"
        secret-to = "file:one.env"
        [[sites.a.clients]]
        name = ""
        github = "nope"
        """
    )
    assert [place_in(item.what) for item in error.items] == [
        "sites.a.clients[0]",
        "sites.a.clients[0].secret-lifetime",
        "sites.a.clients[1].secret-to",
        "sites.a.clients[2].name",
        "sites.a.clients[2].github",
    ]


def test_a_dash_is_no_trust_file(file: File) -> None:
    refused = replace(file, path=Path("-")).refused("")
    assert (refused.code, "nor standard input" in f"{refused.statement} {refused.remedy}") == (
        "trust-file-unreadable",
        True,
    )


def test_mistakes_of_several_entries_are_listed_together(file: File) -> None:
    """Of form, of value, and of two that meet: all at once, and none that only follows from
    another.
    """
    error = file.refused(
        """
        [profiles.p]
        tennant = "t"
        [sites.a]
        profile = "q"
        [[sites.a.clients]]
        name = "I"
        secret-lifetime = "x"
        [[sites.a.clients]]
        nam = "J"
        [[sites.a.clients]]
        name = "K"
        credential = "federate"
        github = "octo/deploy"
        [[sites.a.clients]]
        name = " i"
        [sites.b]
        slot = "_"
        """
    )
    assert (error.code, error.headline) == (MALFORMED, "'F' has 8 mistakes.")
    assert [place_in(item.what) for item in error.items] == [
        "profiles.p.tennant", "sites.a.profile", "sites.a.clients[0].secret-lifetime",
        "sites.a.clients[1]",
        "sites.a.clients[1].nam", "sites.a.clients[2].credential", "sites.a.clients[3]",
        "sites.b.slot",
    ], "in the file's order"  # fmt: skip


def test_mistakes_of_a_site_hide_neither_its_clients_nor_a_second_entry_for_it(file: File) -> None:
    error = file.refused(
        """
        [profiles.p]
        cloud = "https://management.example.com"
        [sites.a]
        profile = "p"
        app-service = "x"
        resource-group = 5
        [[sites.a.clients]]
        name = "I"
        secret-to = "file:one.env"
        [sites.b]
        profile = "p"
        app-service = "x"
        slot = ""
        role = "two words"
        [[sites.b.clients]]
        name = "J"
        secret-to = "file:one.env"
        secret-lifetime = "never"
        github = "octo"
        [[sites.a_b.clients]]
        name = "K"
        secret-to = "file:one.env"
        """
    )
    assert [place_in(item.what) for item in error.items] == [
        "profiles.p.cloud", "sites.a.resource-group", "sites.b", "sites.b.slot", "sites.b.role",
        "sites.b.clients[0].secret-to", "sites.b.clients[0].github", "sites.a_b",
        "sites.a_b.clients[0].secret-to",
    ]  # fmt: skip


def test_an_app_service_or_slot_that_is_wrong_is_compared_with_no_other(file: File) -> None:
    error = file.refused("[sites.a]\n[sites.b]\napp-service = 'a'\nslot = 5\n[sites.c_d]\n")
    listed = [place_in(item.what) for item in error.items]
    assert listed == ["sites.b.slot", "sites.c_d"]


def test_a_mistake_names_keys_where_the_command_line_has_options(file: File) -> None:
    text = f"{ONE}credential = 'none'\ncertificate = 'x.pem'"
    headline = 'certificate requires credential = "certificate", not none.'
    assert headline in file.refused(text).headline
    assert 'Use github = "OWNER/REPO"' in file.refused(f"{ONE}github = 'octo'").remedy
    of_options = file.refused("[sites.a]", cloud="pubic", typed=("cloud",))
    assert "Invalid --cloud 'pubic'" in of_options.headline


@pytest.mark.parametrize(
    ("advice", "in_a_profile"),
    [
        (
            "Add --tenant ID, or choose another --auth.",
            'Add tenant = "ID" in [profiles.p], or choose another auth there.',
        ),
        (
            "Check --cloud: az login --tenant ID",
            "Check cloud in [profiles.p]: az login --tenant ID",
        ),
        ("Use --auth cli there.", 'Use auth = "cli" in [profiles.p] there.'),
        ("Add --no-restart.", "Add --no-restart."),
    ],
)
def test_advice_about_a_sign_in_names_the_profiles_keys_and_leaves_azs_options(
    advice: str, in_a_profile: str
) -> None:
    assert with_keys(advice, Profile, where=" in [profiles.p]") == in_a_profile


def test_an_option_that_the_profile_says_too_is_refused(file: File) -> None:
    text = "[profiles.p]\ntenant = 't.example'\n[sites.a]\nprofile = 'p'"
    assert file.setups(text, typed=("subscription",))
    error = file.refused(text, typed=("tenant",))
    assert (
        error.headline
        == "'F', profiles.p.tenant: --tenant was typed, and the profile says something else."
    )
    assert file.setups(text, tenant="t.example", typed=("tenant",)), "the same is no contradiction"


def test_an_address_to_sign_in_at_is_never_the_files_alone(file: File) -> None:
    """Who can change the file could have a secret, or an assertion, sent to a service of
    their own.
    """
    text = "[profiles.p]\ncloud = 'https://management.example.com'\n[sites.a]\nprofile = 'p'"
    error = file.refused(text)
    assert (error.code, error.exit_code) == ("cloud-not-confirmed", 2)
    assert error.headline.startswith(
        "'F', profiles.p.cloud: invalid value 'https://management.example.com'"
    )
    assert file.setups(text, cloud="https://Management.example.com:443/")
    for here in ("https://localhost:8443", "https://arm.localhost", "https://127.0.0.1:1"):
        assert file.setups(text.replace("https://management.example.com", here))
    for there in (
        "https://localhost.example.com",
        "https://localhost@example.com",
        "https://127.0.0.1.example.com",
    ):
        assert (
            file.refused(text.replace("https://management.example.com", there)).code
            == "cloud-not-confirmed"
        )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("app-service = 'x'", "app-service = 'X'", True),
        ("app-service = 'x'", "app-service = 'x'\nslot = 's'", False),
        (
            "app-service = 'x'\nresource-group = 'G'",
            "app-service = 'x'\nresource-group = 'g'",
            True,
        ),
        (
            "app-service = 'x'\nresource-group = 'a'",
            "app-service = 'x'\nresource-group = 'b'",
            False,
        ),
        ("app-service = 'x'\nresource-group = 'a'", "app-service = 'x'", True),
        ("app-service = 'x'\nprofile = 'p'", "app-service = 'x'\nprofile = 'q'", False),
        (
            "app-service = 'x'\nresource-group = 'g'",
            (
                "app-service = "
                f"'/subscriptions/{GUID}/resourceGroups/g/providers/Microsoft.Web/sites/x'"
            ),
            True,
        ),
    ],
)
def test_two_entries_for_one_app_service_are_refused(
    file: File, one: str, other: str, same: bool
) -> None:
    profiles = "[profiles.p]\nsubscription = 'one'\n[profiles.q]\nsubscription = 'two'\n"
    text = f"{profiles}[sites.a]\n{one}\n[sites.b]\n{other}\n"
    if same:
        error = file.refused(text)
        assert ("is that of sites.a already" in error.headline, error.code) == (True, MALFORMED)
    else:
        assert len(file.setups(text)) == 2


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
def test_two_clients_with_one_place_for_their_secrets_are_refused(
    file: File, one: str, other: str, meet: bool
) -> None:
    text = (
        f"[[sites.a.clients]]\nname = 'One'\nsecret-to = '{one}'\n"
        f"[[sites.b.clients]]\nname = 'Two'\nsecret-to = '{other}'\n"
    )
    if meet:
        error = file.refused(text)
        assert error.code == "secret-place-shared"
        assert error.headline == (
            "'F', sites.b.clients[0].secret-to ('Two'): the secret of sites.a.clients[0] goes "
            "there, too."
        )
    else:
        assert len(file.setups(text)) == 2


def test_a_folder_for_two_sites_is_no_place_for_clients_of_one_name(file: File) -> None:
    text = "".join(
        f"[[sites.{key}.clients]]\nname = 'One'\nsecret-to = 'file:secrets/'\n" for key in "ab"
    )
    assert file.refused(text).code == "secret-place-shared"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "[sites.a\n",
            (
                "'F' is not TOML: Expected ']' at the end of a table declaration (at line 1, "
                "column 9)."
            ),
        ),
        (
            "[sites.a]\n[sites.a]\n",
            "'F' is not TOML: Cannot declare ('sites', 'a') twice (at line 2, column 9).",
        ),
        (f"a = {'[' * 100_000}", "'F' is not TOML: it is nested too deeply."),
        (f"[{'a.' * 100_000}a]", "'F' is not TOML: a line has more than 1000 dots."),
        (f"a = {'9' * 10_000}", ""),
        (b"\xff", "Cannot read 'F': it is not UTF-8 text."),
        (b" " * (1 << 20) + b" ", "Cannot read 'F': it is larger than 1 MiB."),
    ],
)
def test_a_trust_file_that_cannot_be_read_is_told_as_such(
    file: File, text: str | bytes, told: str
) -> None:
    error = file.refused(text)
    assert error.code in {MALFORMED, "trust-file-unreadable"}
    assert error.headline.startswith(told)


def test_a_byte_order_mark_and_line_ends_of_windows_are_read(file: File) -> None:
    assert [setup.key for setup in file.setups(b"\xef\xbb\xbf[sites.a]\r\nslot = 'x'\r\n")] == ["a"]


def test_thousands_of_mistakes_are_one_screen_and_found_in_time_that_grows_with_the_file(
    file: File,
) -> None:
    """Each of them was once compared with all others: hours for a file of 1 MiB."""
    error = file.refused("[sites.a]\n" + "".join(f"k{number} = 1\n" for number in range(10_000)))
    assert error.headline == "'F' has 10000 mistakes."
    error = file.refused(
        "[sites.a]\n" + "".join(f"k{number}{'k' * 5000} = 1\n" for number in range(100))
    )
    assert (len(error.items), error.items[-1].what) == (21, "and 80 more")
    assert len(error.message) < 8000


ODD = st.one_of(
    st.text(min_size=1, max_size=20),
    st.sampled_from(
        [
            "https://[",
            "keyvault:https://[",
            "file:~nobody/x",
            "exec:'",
            "/subscriptions//",
            "api://",
            "%00",
            "a" * 5000,
        ]
    ),
)


@settings(max_examples=cases(150, 2000), deadline=None)
@given(st.sampled_from([Profile, SiteEntry, ClientEntry, IdentityEntry]), st.data(), ODD)
@example(Profile, "cloud", "https://[")
@example(ClientEntry, "federated-issuer", "https://[")
def test_any_text_is_taken_or_refused_with_its_place(
    table: type[Table], key: Any, text: str
) -> None:
    """A mistake that only a traceback tells has no key."""
    if not isinstance(key, str):
        key = key.draw(st.sampled_from([member.alias for member in table.model_fields.values()]))
    said = {key: text}
    kind = {"credential": "federated"} if key.startswith(("federated", "github")) else {}
    client = {"name": "I", **kind, **(said if table is ClientEntry else {})}
    site = {**(said if table is SiteEntry else {}), "profile": "p", "clients": [client]}
    site |= {"managed-identities": [said]} if table is IdentityEntry else {}
    document = {"profiles": {"p": said if table is Profile else {}}, "sites": {"a": site}}
    with contextlib.suppress(UsageError):
        assert sites_in(document, ChangingOptions())
