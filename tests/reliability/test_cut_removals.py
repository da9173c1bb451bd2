"""A removal that is cut off at any write leaves nothing that the next `setup` takes for a working secret."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from mct_s2s.sandbox.state import seed

from tests.reliability.harness import Harness, label
from tests.support.sampling import sampled

YES = ("-y", "-o", "json")
STORES = {"file": ((), ()), "key vault": (("--secret-to", f"keyvault:{seed.VAULT}"), ("--delete-secrets",))}


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("place", "delete"), STORES.values(), ids=STORES.keys())
def test_setup_after_a_cut_removal_ends_with_a_working_secret(
    place: tuple[str, ...], delete: tuple[str, ...], harness: Harness, tmp_path: Path
) -> None:
    setup, remove = ("setup", "--client", "One", *place, *YES), ("remove-client", "One", *delete, *YES)
    harness.home = tmp_path / "before"
    harness.home.mkdir()
    assert harness.run(setup).code == 0
    state, home = harness.state, harness.home
    harness.go_to(state, Path(shutil.copytree(home, tmp_path / "clean")))
    assert harness.run(remove).code == 0
    course = harness.inside.log()
    wrong = []
    for at in sampled([at for at, entry in enumerate(course) if entry.wrote], 2, salt=f"{delete}"):
        harness.go_to(state, Path(shutil.copytree(home, tmp_path / f"{at}")))
        observability = harness.inside.pipeline.observability
        observability.faults.replace([{"nth": at + 2, "times": 9_999, "fault": {"type": "reset"}}])
        harness.run(remove)
        observability.faults.replace([])
        observability.tokens.forget_refusals()
        began = harness.inside.state.clock.now()
        again = harness.run(setup)
        waited = (harness.inside.state.clock.now() - began).total_seconds()
        where, checks = f"cut after {label(course[at])}", (again.document.get("verification") or {}).get("checks", ())
        called = [one["ok"] for one in checks if one["check"] == "call"]
        if again.code or called != [True] or waited > 60:
            wrong.append(f"{where}: exit code {again.code}, calls {called}, {waited} s, {again.err}")
        wrong += [f"{where}: {one}" for one in harness.orphans("One") if not place]
        second = harness.run(setup)
        if second.code or any(one["action"] != "none" for one in second.document["changes"]):
            wrong.append(f"{where}: changed again {second.out}")
    assert not wrong, "\n".join(wrong)
