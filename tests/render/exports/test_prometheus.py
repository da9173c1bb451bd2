"""`-o prometheus`: read back by prometheus_client's parser."""

from __future__ import annotations

from pathlib import Path

import pytest
from mct_s2s.plain_text import plain
from mct_s2s.render.exports import exported
from mct_s2s.render.exports.as_prometheus import metrics
from prometheus_client.parser import text_string_to_metric_families

from tests.planning.scenarios import NOW, client, complete, guid
from tests.render.examples import WHERE
from tests.render.exports.hostile_reports import COMMON, PROMETHEUS, report
from tests.render.reports import one, several

Samples = dict[str, list[tuple[dict[str, str], float]]]
PAGE = Path(__file__).parents[3] / "docs" / "monitoring.md"


def samples(text: str) -> Samples:
    """By the name of the metric."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        assert family.type == "gauge"
        assert family.documentation
        for sample in family.samples:
            found.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
    return found


def test_ends_are_timestamps_with_the_command_that_replaces_the_credential() -> None:
    found = samples(exported(one(), "prometheus"))
    ends = {labels["client"]: (labels, value) for labels, value in found["mct_s2s_credential_expiry_timestamp_seconds"]}
    labels, value = ends["Nightly"]
    assert value == NOW.timestamp() + 20 * 86400
    assert labels["command"] == f"mct-s2s rotate-secret {guid('Nightly')} {WHERE}"
    assert (labels["site"], labels["kind"], labels["app_id"]) == ("contosolearn", "secret", guid("Nightly"))


def test_health_and_findings() -> None:
    found = samples(exported(one(), "prometheus"))
    assert [value for _, value in found["mct_s2s_site_healthy"]] == [0]
    assert [value for _, value in found["mct_s2s_site_clients"]] == [4]
    assert [value for _, value in found["mct_s2s_site_clients_able_to_call"]] == [3]
    codes = [labels["code"] for labels, _ in found["mct_s2s_finding"]]
    assert codes == ["secret-expiring", "client-not-allowed", "secret-expired"]
    well = samples(exported(one(complete(client("Import"))), "prometheus"))
    assert [value for _, value in well["mct_s2s_site_healthy"]] == [1]
    assert "mct_s2s_finding" not in well


def test_a_site_that_could_not_be_read_is_not_up() -> None:
    found = samples(exported(several(), "prometheus"))
    assert {labels["site"]: value for labels, value in found["mct_s2s_site_up"]} == {
        "contosolearn": 1,
        "contosotrain": 1,
        "contosofail": 0,
    }
    assert found["mct_s2s_tenant_wide_up"] == [({}, 1)]


def test_each_set_of_labels_is_there_once() -> None:
    for rows in samples(exported(several(), "prometheus")).values():
        assert len({tuple(sorted(labels.items())) for labels, _ in rows}) == len(rows)


def test_every_metric_is_on_the_page_about_monitoring() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [one.name for one in metrics().values() if f"`{one.name}`" not in text] == []


@pytest.mark.parametrize("name", [*COMMON, *PROMETHEUS])
def test_no_name_makes_another_sample(name: str) -> None:
    found = samples(exported(report(name), "prometheus"))
    assert set(found) == {one.name for one in metrics().values()}
    clients = {labels["client"] for labels, _ in found["mct_s2s_credential_expiry_timestamp_seconds"]}
    assert plain(name) in clients
