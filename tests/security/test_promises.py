"""Which tests show each row of two tables of docs/SECURITY.md: who may be believed, and what others
can write. Each is named after what it promises.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "SECURITY.md"

BELIEVED: Mapping[str, tuple[str, ...]] = {
    "any": (
        "planning/test_belief::test_a_service_application_is_believed_if_it_is_named_or_both_own_and_set_or_untouched",
        "planning/test_belief::test_a_client_is_believed_if_it_is_named_or_below_the_name_and_holds_the_role_or_is_untouched",
    ),
    "created by this run, or created, changed or deleted by an earlier one on this machine": (
        "planning/test_belief::test_a_registration_that_a_run_on_this_machine_began_is_believed_until_one_has_ended",
        "engine/test_credentials::test_a_registration_that_only_looks_left_unnamed_is_not_taken_up",
    ),
    "service application with this App Service's own `uniqueName`": (
        "planning/test_belief::test_a_service_application_is_believed_if_it_is_named_or_both_own_and_set_or_untouched",
        "planning/test_belief::test_a_service_application_is_untouched_if_its_properties_are_as_this_tool_sets_them",
        "planning/test_belief::test_a_service_application_is_untouched_if_its_roles_are_held_by_untouched_clients_below_it",
        "security/test_harm_stays_at_home::test_a_former_owner_of_an_api_makes_no_run_change_the_tokens_of_its_callers",
    ),
    "client whose `uniqueName` is below this App Service's own": (
        "planning/test_belief::test_a_client_is_believed_if_it_is_named_or_below_the_name_and_holds_the_role_or_is_untouched",
        "planning/test_belief::test_a_client_is_untouched_if_its_properties_are_as_this_tool_sets_them",
        "planning/test_belief::test_the_role_of_an_api_that_others_can_assign_makes_a_client_of_one_that_is_listed",
        "security/test_harm_stays_at_home::test_a_removal_deletes_no_client_that_another_team_signs_in_as",
    ),
    "deleted by a run on this machine, and restored by this one": (
        "security/test_former_owners::test_what_this_machine_deleted_is_not_taken_up_with_an_owner_who_was_added_since",
        "security/test_former_owners::test_a_client_that_this_machine_deleted_comes_back_without_what_others_put_into_it",
    ),
    "any other client, also if it is listed or holds the role": (
        "security/test_others_words::test_a_registration_that_is_only_listed_is_not_deleted_or_changed",
        "security/test_harm_stays_at_home::test_who_holds_the_role_of_a_shared_api_is_no_client_of_every_app_service_that_uses_it",
    ),
}
"""By the first cell of each row."""

WRITTEN_BY_OTHERS: Mapping[str, tuple[str, ...]] = {
    "`ServiceAuthAudience`": (
        "security/test_others_words::test_an_audience_in_the_settings_grants_no_role_and_changes_no_registration_of_others",
        "security/test_others_words::test_nothing_is_removed_by_copied_settings",
        "security/test_others_words::test_consents_of_another_api_stay",
        "security/test_others_words::test_no_token_for_another_api_comes_to_the_site",
    ),
    "`ServiceAuthRole`": (
        "security/test_others_words::test_a_role_is_granted_only_if_it_was_typed",
        "security/test_others_words::test_a_role_that_no_client_holds_is_put_back",
    ),
    "`ServiceApplicationIds`, `ServiceObjectIds`": (
        "security/test_others_words::test_no_consent_goes_to_a_registration_that_others_made_and_listed",
        "security/test_others_words::test_a_scheduled_rotation_makes_no_secret_for_a_merely_listed_client",
        "security/test_others_words::test_a_registration_that_is_only_listed_is_not_deleted_or_changed",
    ),
    "other settings, tags and notes of the App Service": (
        "security/test_others_words::test_other_settings_and_tags_of_an_app_service_change_no_plan",
        "planning/test_merging::test_any_merge_keeps_foreign_settings_and_known_ids_and_is_done_once",
    ),
    "a registration's display name": (
        "planning/test_clients::test_a_namesake_outside_the_trust_is_never_meant",
        "security/test_others_words::test_no_consent_goes_to_a_registration_that_others_made_and_listed",
        "security/test_others_words::test_the_name_in_a_trust_file_makes_no_secret_for_a_merely_listed_client",
    ),
    "its `uniqueName`": (
        "security/test_squatted_names::test_a_squatted_client_is_refused_before_anything_is_written",
        "security/test_squatted_names::test_a_squatted_service_application_is_refused",
        "security/test_harm_stays_at_home::test_a_planted_service_application_whose_role_is_assigned_to_others_is_refused",
    ),
    "its tags": (
        "security/test_removals::test_a_registration_that_only_carries_the_tag_is_left_alone",
        "security/test_removals::test_no_tag_and_no_list_disables_an_identity",
        "security/test_harm_stays_at_home::test_no_registration_is_taken_for_a_left_over_by_what_its_owner_wrote",
        "security/test_former_owners::test_no_new_secret_goes_where_only_a_tag_of_a_former_owner_says",
        "cli/test_rotation::test_a_vault_that_a_tag_names_gets_a_new_secret_only_if_it_holds_one_that_signs_in",
    ),
    "its tags `mct-s2s:attempt:…`": (
        "cli/test_secret_places::test_a_secret_that_never_arrived_counts_for_nothing_in_a_scheduled_rotation",
        "cli/test_secret_places::test_a_vault_that_may_have_the_secret_keeps_it",
        "security/test_harm_stays_at_home::test_a_note_that_a_secret_never_arrived_leads_no_secret_into_another_vault",
    ),
    "its tag `mct-s2s:api:…`": (
        "security/test_others_words::test_a_tag_that_names_another_api_refuses_a_setup_and_nothing_else",
    ),
    "its tag `mct-s2s:site:…`": (
        "security/test_twin_sites::test_an_app_service_of_the_same_name_with_an_api_of_its_own_takes_no_client",
        "security/test_twin_sites::test_who_copies_the_settings_of_an_app_service_of_the_same_name_gets_nothing_of_it",
        "security/test_twin_sites::test_an_app_service_that_was_moved_keeps_its_clients_once_its_note_is_right",
    ),
    "its notes": (
        "security/test_squatted_names::test_two_app_services_of_one_name_do_not_share_a_service_application",
        "security/test_former_owners::test_words_of_a_note_offer_no_registration_for_adoption",
    ),
    "assignments of its app roles": (
        "security/test_harm_stays_at_home::test_the_owner_of_a_shared_api_lets_no_one_in_by_its_role",
        "security/test_harm_stays_at_home::test_a_client_with_a_role_from_the_apis_owner_is_allowed_only_beside_its_owners",
        "security/test_harm_stays_at_home::test_a_contributor_who_owns_the_service_application_lets_in_no_one_else_and_gets_no_secret",
        "security/test_harm_stays_at_home::test_two_app_services_that_use_one_api_take_nothing_from_each_other",
    ),
    "`createdByAppId`": (
        "planning/test_belief::test_a_registration_that_the_caller_created_is_its_own_whatever_is_in_it",
        "planning/test_belief::test_a_registration_without_a_creator_is_not_believed_for_that",
    ),
    "a key vault's tags": (
        "security/test_harm_stays_at_home::test_the_tags_of_a_vault_speak_for_no_registration",
        "security/test_former_owners::test_a_restored_client_keeps_no_credential_that_only_a_vaults_tag_names",
        "cli/test_rotation::test_another_clients_secret_is_not_written_over",
        "planning/test_replacement::test_a_tag_of_a_vault_that_names_a_secret_kept_elsewhere_deletes_nothing",
    ),
    "its app roles, API permissions and URIs": (
        "security/test_others_words::test_a_role_is_granted_only_if_it_was_typed",
        "security/test_harm_stays_at_home::test_who_registers_the_uri_of_an_api_that_is_gone_gets_no_one_in",
    ),
    "its credentials, owners and other properties": (
        "security/test_squatted_names::test_a_squatted_client_without_owner_is_known_by_a_credential_of_its_own",
        "security/test_squatted_names::test_the_owner_of_the_service_principal_alone_is_an_owner",
        "security/test_harm_stays_at_home::test_a_planted_registration_with_content_of_its_own_is_refused",
    ),
    "a subscription's name": (
        "security/test_twin_sites::test_no_subscription_is_taken_for_another_one_that_its_owner_calls_the_same",
        "security/test_twin_sites::test_a_subscription_that_cannot_be_read_is_none_that_has_its_id_for_a_name",
    ),
    "names of managed identities": (
        "security/test_removals::test_the_identity_of_another_resource_gets_no_access_by_its_name",
    ),
    "a trust file": (
        "security/test_fingerprints::test_every_key_of_a_trust_file_changes_the_fingerprint",
        "security/test_foreign_files::test_a_review_runs_no_program_and_writes_no_file",
        "security/test_foreign_files::test_no_one_signs_in_at_an_address_that_the_file_alone_names",
        "security/test_foreign_files::test_a_file_gets_no_secret_into_a_vault_that_only_a_tag_names",
        "cli/test_api_address::test_an_address_that_a_trust_file_alone_names_gets_no_token",
    ),
    "a handoff file": (
        "security/test_foreign_files::test_a_handoff_of_another_tenant_is_refused",
        "security/test_foreign_files::test_a_handoff_for_another_app_service_is_refused",
        "security/test_foreign_files::test_a_handoff_and_a_backup_write_nothing_to_the_directory",
    ),
    "a backup file": (
        "cli/test_removing::test_a_backup_goes_back_only_to_where_it_came_from",
        "security/test_foreign_files::test_a_handoff_and_a_backup_write_nothing_to_the_directory",
        "security/test_foreign_files::test_a_restore_names_no_other_client_by_the_name_of_a_deleted_one",
    ),
}
"""By the value that others can write: the first cell of each row."""


def rows(header: str) -> Iterator[list[str]]:
    """The cells of each row of the page's table with that first line."""
    lines = iter(PAGE.read_text("utf-8").splitlines())
    for line in lines:
        if line == header:
            break
    next(lines)
    for line in lines:
        if not line.startswith("| "):
            return
        yield [cell.strip() for cell in line.strip("|").split(" | ")]


def names_of_tests(module: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / f"{module}.py").read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


TABLES = pytest.mark.parametrize(
    ("header", "tests"),
    [
        ("| registration | is believed | if |", BELIEVED),
        (
            "| value | who can write it | used for | can never cause | test |",
            WRITTEN_BY_OTHERS,
        ),
    ],
    ids=["who may be believed", "what others can write"],
)


@TABLES
def test_each_row_of_the_page_has_its_tests(
    header: str, tests: Mapping[str, tuple[str, ...]]
) -> None:
    assert [row[0] for row in rows(header)] == [*tests]
    missing = [
        test
        for named in tests.values()
        for test in named
        if test.partition("::")[2] not in names_of_tests(test.partition("::")[0])
    ]
    assert missing == []


def test_the_page_names_the_modules_of_those_tests() -> None:
    header = "| value | who can write it | used for | can never cause | test |"
    for value, *_, modules in rows(header):
        named = {test.partition("::")[0] for test in WRITTEN_BY_OTHERS[value]}
        on_page = {
            module if "/" in module else f"security/{module}"
            for module in modules.replace("`", "").split(", ")
        }
        assert on_page == named, value
