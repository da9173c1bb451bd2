"""A trust file, and the two applications that a pipeline signs in as: one that may read, one that may write."""

from __future__ import annotations

import json

from mct_s2s.sandbox.state import seed

from tests.conftest import SITE, Sandbox
from tests.pipelines.runners import federated

READ = ("Application.Read.All", "Organization.Read.All")
WRITE = (*READ, "Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All")
LOOK = ({"name": "MCT plan", "actions": ["*/read", "Microsoft.Web/sites/config/list/action"]}, seed.SUBSCRIPTION)
FIND, SETTINGS = ("Reader", seed.SUBSCRIPTION), ("Website Contributor", SITE)
NAMES, SECRETS = ("Key Vault Reader", seed.SUBSCRIPTION), ("Key Vault Secrets Officer", seed.SUBSCRIPTION)
HOSTILE = "$(id) `id` ${{ github.token }} ##vso[a] ::error::a |<b>"
TRUST = f"""
[sites.learn]
app-service = "contosolearn"

[[sites.learn.clients]]
name = "Import"
secret-to = "keyvault:{seed.VAULT}"
"""
PWNED = "pwned"
MORE = f"""
[[sites.learn.clients]]
name = "Away"
secret-to = "exec:touch {PWNED}"

[[sites.learn.clients]]
name = {json.dumps(HOSTILE)}
credential = "none"
"""


def reader(azure: Sandbox, subject: str) -> str:
    """The appId of the one for plans."""
    return federated(azure, subject, READ, (LOOK, NAMES))


def writer(azure: Sandbox, subject: str) -> str:
    """The appId of the one that applies and rotates."""
    return federated(azure, subject, WRITE, (FIND, SETTINGS, SECRETS))
