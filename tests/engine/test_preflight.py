"""What the caller may do is never guessed from what is unreadable."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from mct_s2s.engine.observe.rights import AccessLook
from mct_s2s.engine.session import Session
from mct_s2s.model.caller_rights import CallerRights

from tests.engine.conftest import WHERE, Engine

QUESTIONS = {
    "roles": "*/transitiveMemberOf*",
    "permissions": "*/appRoleAssignments",
    "owned": "*/ownedObjects*",
    "secret_rules": "*/defaultAppManagementPolicy",
    "permissions_at": "*/Microsoft.Authorization/permissions",
    "locks_at": "*/Microsoft.Authorization/locks",
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_cannot_be_read_is_unknown_and_the_rest_is_known(question: str, engine: Engine) -> None:
    """Unreadable is never taken for missing."""
    rule = {"match": {"path": QUESTIONS[question]}, "fault": {"type": "status", "status": 403}}
    engine.inside.azure.misbehave(rule)

    async def main(session: Session) -> CallerRights:
        before = asyncio.all_tasks()
        async with aclosing(AccessLook(session, directory=True)) as look:
            look.at(WHERE.resource)
            access = await look.found()
        assert asyncio.all_tasks() == before, "nothing goes on asking"
        return access

    access = engine.run(main)
    assert access.directory is not None
    rights = access.at(WHERE.resource)
    answers = {
        "roles": access.directory.roles,
        "permissions": access.directory.permissions,
        "owned": access.directory.owned,
        "secret_rules": access.secret_rules,
        "permissions_at": rights.permissions,
        "locks_at": rights.locks,
    }
    assert {name for name, answer in answers.items() if answer is None} == {question}
