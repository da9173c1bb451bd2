"""The closing words of `setup` and `add-client`: where each secret is, and how each client calls."""

from __future__ import annotations

from mct_s2s.adapters.secret_places import FilePlace
from mct_s2s.cli.changing import Changed
from mct_s2s.cli.options import ChangingOptions
from mct_s2s.cli.run import Run
from mct_s2s.cli.where import where
from mct_s2s.cli.wiring import Session
from mct_s2s.model.observed import Observed
from mct_s2s.planning.findings import uri_shown
from mct_s2s.render.closing import show_credentials, vault_reading
from mct_s2s.render.handover import show_lacking, show_left_to_others
from mct_s2s.render.next_steps import Call, show_client_example, show_identity_example


def _from_vault(label: str, name: str, after: Observed) -> str | None:
    """The line of a script that fetches a client's secret from its vault, where it is in one."""
    if not label.startswith("keyvault:"):
        return None
    client = next((c for c in after.trust.clients if name in {c.display_name, c.client_id}), None)
    client_id = client.client_id if client else "…"
    return f'export AZURE_CLIENT_ID={client_id} AZURE_CLIENT_SECRET="$({vault_reading(label)})"'


def close(current: Run, options: ChangingOptions, session: Session, changed: Changed) -> None:
    """Say it to a person; JSON has said it all."""
    terminal, convergence = current.terminal, changed.convergence
    if terminal.json or options.dry_run:
        return
    show_credentials(terminal, changed.credentials)
    after = convergence.after
    show_left_to_others(terminal, changed.left)
    service, site = after.trust.service, after.app_service
    if service is None or after.tenant is None:
        return
    call = Call(session.cloud.login, after.tenant.id, uri_shown(service, after) or "", site.site.url if site else None)
    if changed.places:
        place = next(iter(changed.places.values()))
        saved = isinstance(place, FilePlace) and place.path.exists()
        path = str(place.path) if isinstance(place, FilePlace) and saved else None
        show_client_example(terminal, call, path, _from_vault(place.label, next(iter(changed.places)), after))
    for holder in after.holders:
        show_identity_example(terminal, call, holder)
    show_lacking(terminal, convergence.plan.lacks)
    done = "What you may do is done." if convergence.plan.lacks else "Done."
    terminal.result(f"{done} See what stands at any time with: mct-s2s status {where(options, after)}", style="good")
