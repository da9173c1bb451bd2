"""Deployment slots: set up on their own, warned of swaps, and with slot settings left as they are."""

import shlex

from tests.cli.conftest import Program
from tests.conftest import SITE, SLOT, Sandbox


def _sticky(azure: Sandbox) -> list[str]:
    return azure.arm("GET", f"{SITE}/config/slotConfigNames")["properties"]["appSettingNames"] or []


def test_a_slot_is_warned_of_swaps_until_its_settings_stick(mct: Program, azure: Sandbox) -> None:
    before = _sticky(azure)
    production, slot = azure.settings(), azure.settings(SLOT)
    done = mct("setup", "--slot", "staging", "--client", "A", "-y")
    assert done.code == 0
    assert [write for write in azure.writes() if "/restart" in write] == [f"POST {SLOT}/restart"]
    assert (azure.settings(), slot.items() <= azure.settings(SLOT).items()) == (production, True)
    assert azure.applications("MCT service (contosolearn/staging)")
    assert "swapping with production would move these" in done.err
    assert _sticky(azure) == before, "slot settings are somebody else's"
    status = mct("status", "--slot", "staging", "-o", "json")
    assert (status.code, status.document["healthy"]) == (0, True)
    (finding,) = status.document["findings"]
    assert (finding["code"], finding["severity"]) == ("settings-not-sticky", "note")
    words = shlex.split(finding["remedy"])
    at = words.index("--slot-settings") + 1
    assert words[:5] == ["az", "webapp", "config", "appsettings", "set"]
    pairs = dict(word.partition("=")[::2] for word in words[at:])
    ours = {name: value for name, value in azure.settings(SLOT).items() if name.startswith("Service")}
    assert pairs == ours, "the command sets what stands, and nothing else"
    # What the Azure CLI does with --slot-settings: the names first, then the values.
    azure.arm("PUT", f"{SITE}/config/slotConfigNames", json={"properties": {"appSettingNames": [*before, *pairs]}})
    azure.write_settings({**azure.settings(SLOT), **pairs}, SLOT)
    assert mct("status", "--slot", "staging", "-o", "json").document["findings"] == []
    azure.arm("POST", f"{SITE}/slotsswap", json={"targetSlot": "staging", "preserveVnet": True})
    assert {name: azure.settings(SLOT).get(name) for name in ours} == ours
    assert mct("verify", "--slot", "staging").code == 0


def test_production_is_told_of_its_slots_in_the_plan(mct: Program, azure: Sandbox) -> None:
    plan = mct("setup", "--client", "A", "--dry-run")
    assert "swapping with staging would move these" in plan.out
    assert mct("setup", "--client", "A", "-y").code == 0
    assert mct("status", "-o", "json").document["findings"] == []


def test_whoever_may_not_see_the_slots_can_do_the_job(mct: Program, azure: Sandbox) -> None:
    azure.misbehave(
        {
            "match": {"service": "ARM", "pathRegex": "/slots$|/slotConfigNames$"},
            "fault": {"type": "status", "status": 403},
        }
    )
    done = mct("setup", "--client", "A", "-y")
    azure.behave()
    assert done.code == 0
    assert "swap" not in done.err
