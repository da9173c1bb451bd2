"""Graph's actions on the secrets of applications and of service principals.

Source: graph: api/application-addpassword, api/application-removepassword, and those of service principals.
"""

from __future__ import annotations

from mct_s2s.sandbox.entra.registrations import password_credentials
from mct_s2s.sandbox.services.answer import Answer
from mct_s2s.sandbox.services.graph.call import NO_CONTENT, GraphCall, GraphOperation


def password_operations(template: str, kind: str) -> tuple[GraphOperation, ...]:
    """Return the actions on the secrets of one kind of object: `application` or `servicePrincipal`."""

    def add(call: GraphCall) -> Answer:
        owner = call.to_change(call.table(kind), f"{kind}.write")
        return call.new_password(password_credentials.add_password(call.directory, owner, call.body))

    def remove(call: GraphCall) -> Answer:
        owner = call.to_change(call.table(kind), f"{kind}.write")
        password_credentials.remove_password(call.directory, owner, call.body)
        return NO_CONTENT

    return tuple(
        # An action has a qualified name as well: docs/azure-contract.md, section 3.5.
        GraphOperation("POST", f"{template}/{prefix}{action}", run, f"api/{kind.lower()}-{action.lower()}")
        for prefix in ("", "microsoft.graph.")
        for action, run in (("addPassword", add), ("removePassword", remove))
    )
