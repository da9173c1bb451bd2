"""`rotate-secret` without `--secret-to`: the new secret goes where whoever uses the old one reads it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mct_s2s.model.ids import Tag, client_unique_name, service_unique_name
from mct_s2s.sandbox.state import seed

from tests.cli.conftest import Ended, Program, held
from tests.conftest import JSON, Sandbox

NOTED = f"{seed.VAULT}/reports-key"
PLACE = f"keyvault:{NOTED}"
IN_VAULT = ("--secret-to", PLACE)
SOON = f"{datetime.now(UTC) + timedelta(days=20):%Y-%m-%d}"


def places(done: Ended) -> dict[str, str]:
    return {one["client"]: one["savedTo"] for one in done.made}


def application(azure: Sandbox, name: str = "Reports") -> Any:
    (found,) = azure.applications(name)
    return found


def tag(azure: Sandbox, *tags: str, name: str = "Reports") -> None:
    """What an owner of the registration can do to it."""
    azure.graph("PATCH", f"/applications/{application(azure, name)['id']}", json={"tags": list(tags)})


def tags_of(azure: Sandbox, name: str = "Reports") -> list[str]:
    return [one for one in application(azure, name)["tags"] if not one.startswith("mct-s2s:vault:")]


def in_force(azure: Sandbox) -> bool:
    """Whether whoever reads the vault is let in."""
    found = held(azure, "reports-key")
    return azure.token(found["tags"]["scope"], found["tags"]["appId"], found["value"]).is_success


def test_a_secret_in_a_vault_stays_in_it(azure: Sandbox, mct: Program, tmp_path: Path) -> None:
    mct("setup", "--client", "Reports", *IN_VAULT, *JSON)
    azure.forget()
    again = mct("setup", "--client", "Reports", *JSON)
    assert (again.code, again.made, azure.log("vault")) == (0, [], []), "who has a good secret needs no vault"
    old = held(azure, "reports-key")
    plan = mct("rotate-secret", "Reports", "--dry-run")
    assert (plan.code, f"saved to {PLACE}" in " ".join(plan.out.split())) == (3, True), plan.out
    done = mct("rotate-secret", "Reports", *JSON)
    assert (done.code, places(done)) == (0, {"Reports": PLACE}), done.document
    new = held(azure, "reports-key")
    assert new["tags"]["keyId"] != old["tags"]["keyId"]
    assert in_force(azure)
    assert azure.token(old["tags"]["scope"], old["tags"]["appId"], old["value"]).is_success, "its reference may lag"
    assert list(tmp_path.rglob("*.env")) == []
    assert azure.leaks() == []


def test_each_client_keeps_its_own_place(azure: Sandbox, mct: Program, tmp_path: Path) -> None:
    ending = ("--secret-lifetime", SOON)
    elsewhere = tmp_path / "elsewhere.env"
    mct("setup", "--client", "Vaulted", *IN_VAULT, *ending, *JSON)
    filed = places(mct("add-client", "Filed", *ending, *JSON))
    mct("add-client", "Handed", "--secret-to", f"file:{elsewhere}", *ending, *JSON)
    done = mct("rotate-secret", "--expiring-within", "30d", "-y", "-o", "json")
    assert done.code == 0, done.document
    found = places(done)
    assert (found["Vaulted"], found["Filed"]) == (PLACE, filed["Filed"])
    assert Path(found["Handed"].removeprefix("file:")) not in {elsewhere, Path(filed["Filed"].removeprefix("file:"))}
    (told,) = [one["text"] for one in done.document["notes"] if one["text"].startswith("'Handed'")]
    assert found["Handed"] in told
    assert "The old one is kept until it expires" in told
    assert len(application(azure, "Handed")["passwordCredentials"]) == 2
    assert len(application(azure, "Filed")["passwordCredentials"]) == 1


def test_the_newest_secret_says_which_of_two_places(azure: Sandbox, mct: Program) -> None:
    (file,) = places(mct("setup", "--client", "Reports", *JSON)).values()
    moved = mct("rotate-secret", "Reports", *IN_VAULT, *JSON)
    assert moved.code == 0, moved.document
    azure.advance(3600.0)
    assert places(mct("rotate-secret", "Reports", *JSON)) == {"Reports": PLACE}, "the file is what was left behind"
    azure.advance(3600.0)
    assert mct("rotate-secret", "Reports", "--secret-to", file, *JSON).code == 0
    azure.advance(3600.0)
    assert places(mct("rotate-secret", "Reports", *JSON)) == {"Reports": file}, "and back again"


def test_a_secret_that_has_ended_is_replaced_in_its_vault(azure: Sandbox, mct: Program, tmp_path: Path) -> None:
    """The way on from an expired secret is `add-client`, as `status` says."""
    mct("setup", "--client", "Reports", *IN_VAULT, "--secret-lifetime", SOON, *JSON)
    azure.advance(30 * 24 * 3600.0)
    assert not in_force(azure)
    plan = mct("add-client", "Reports", "--dry-run")
    assert f"saved to {PLACE}" in " ".join(plan.out.split())
    assert places(mct("add-client", "Reports", *JSON)) == {"Reports": PLACE}
    assert in_force(azure)
    assert list(tmp_path.rglob("*.env")) == []


def test_of_several_vaults_the_one_counts_that_has_the_secret_and_the_plan_names_any(
    azure: Sandbox, mct: Program
) -> None:
    """Whoever may write a registration's tags may have a credential of it anyway; a person sees where it goes."""
    mct("setup", "--client", "Reports", *IN_VAULT, *JSON)
    rest = tags_of(azure)
    for noted in (["gone-vault/x", NOTED], [NOTED, "gone-vault/x"]):
        tag(azure, *rest, *map(Tag.VAULT.of, noted))
        assert places(mct("rotate-secret", "Reports", "--dry-run", "-o", "json")) == {"Reports": PLACE}
    tag(azure, *rest, Tag.VAULT.of(f"{seed.VAULT}/another-name"))
    said = " ".join(mct("rotate-secret", "Reports", "--dry-run").out.split())
    assert f"saved to keyvault:{seed.VAULT}/another-name" in said
    assert "The old one is kept until it expires" in said


def test_a_vault_that_is_gone_is_told_with_the_client_and_the_way_on(
    azure: Sandbox, mct: Program, tmp_path: Path
) -> None:
    mct("setup", "--client", "Reports", *IN_VAULT, *JSON)
    tag(azure, *tags_of(azure), Tag.VAULT.of("gone-vault/x"))
    azure.forget()
    done = mct("rotate-secret", "Reports", *JSON)
    error = done.document["error"]
    assert (done.code, error["code"], azure.writes()) == (2, "vault-not-found", [])
    assert "'Reports'" in error["message"]
    assert "--secret-to PLACE" in error["remedy"]
    assert mct("rotate-secret", "Reports", "--secret-to", f"file:{tmp_path / 'own.env'}", *JSON).code == 0


def test_another_clients_secret_is_not_written_over(azure: Sandbox, mct: Program) -> None:
    """Not even where the owner of a registration has given it that client's name, too."""
    mct("setup", "--client", "Reports", *IN_VAULT, *JSON)
    mct("add-client", "Mallory", *JSON)
    before, mallory = held(azure, "reports-key"), application(azure, "Mallory")
    more = {"displayName": "Reports", "tags": [*mallory["tags"], Tag.VAULT.of(NOTED)]}
    azure.graph("PATCH", f"/applications/{mallory['id']}", json=more)
    done = mct("rotate-secret", mallory["appId"], *JSON)
    assert (done.code, done.document["error"]["code"]) == (2, "secret-place-taken")
    assert held(azure, "reports-key")["value"] == before["value"]
    assert len(azure.graph("GET", f"/applications/{mallory['id']}")["passwordCredentials"]) == 1


def test_a_tag_that_names_no_vault_is_nothing(azure: Sandbox, mct: Program) -> None:
    (file,) = places(mct("setup", "--client", "Reports", *JSON)).values()
    Path(file.removeprefix("file:")).unlink()
    noted = ("x--y/name", "1vault/name", "v/name", f"{'v' * 25}/name", f"vault/{'n' * 128}", "a/b/c")
    tag(azure, *tags_of(azure), *map(Tag.VAULT.of, noted))
    assert places(mct("rotate-secret", "Reports", "--dry-run", "-o", "json")) == {"Reports": file}


def test_nothing_but_a_name_does_not_speak_for_a_vault(azure: Sandbox, mct: Program) -> None:
    """Anyone may have registered that name, with a vault of theirs that vouches for their credential."""
    mct("setup", "--client", "Other", *JSON)
    name = client_unique_name(service_unique_name("contosolearn"), "Reports")
    azure.graph(
        "PATCH",
        f"/applications(uniqueName='{name}')",
        json={"displayName": "Reports", "tags": [Tag.VAULT.of(NOTED)]},
        headers={"Prefer": "create-if-missing"},
    )
    theirs = application(azure)
    key = azure.graph(
        "POST", f"/applications/{theirs['id']}/addPassword", json={"passwordCredential": {"displayName": "mct-s2s x"}}
    )
    vouching = {"made-by": "mct-s2s", "appId": theirs["appId"], "credential": "mct-s2s x", "keyId": key["keyId"]}
    azure.vault("PUT", "/secrets/reports-key", json={"value": "x", "tags": vouching})
    done = mct("rotate-secret", "Reports", *JSON)
    assert (done.code, done.document["error"]["code"]) == (2, "registration-not-ours")
    assert held(azure, "reports-key")["value"] == "x"
