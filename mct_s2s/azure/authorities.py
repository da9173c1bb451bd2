"""A stored credential goes to the login host that its own file or environment names, and to no other.

`--cloud` may lead to anyone's server, which then says where to sign in: a secret or an assertion that is sent there is
its own to use at the real login service.
"""

from __future__ import annotations

from mct_s2s.azure.clouds import BY_NAME
from mct_s2s.errors import Refused
from mct_s2s.model.azure_resources import same_origin

VARIABLE = "AZURE_AUTHORITY_HOST"
"""As azure-identity reads it: a host, or its https address."""
OF_MICROSOFT = "one of Microsoft's own clouds"


def may_sign_in(named: str | None, login: str) -> bool:
    """Whether a credential that names this login host, or none, may be sent to the login host `login`.

    Where none is named, it is one of those of Microsoft's own clouds, by which `--cloud NAME` goes.
    """
    if not named:
        return any(same_origin(cloud.login, login) for cloud in BY_NAME.values())
    address = named.strip()
    return same_origin(address if "://" in address else f"https://{address}", login)


def check(named: str | None, login: str, whose: str, remedy: str = "") -> None:
    """Stop before a stored credential is sent to a login host that is not its own.

    Args:
        remedy: how to make that login host its own; else, to name it in the environment.
    """
    if may_sign_in(named, login):
        return
    raise Refused(
        "credential-of-another-cloud",
        f"{whose} is for {named or OF_MICROSOFT}, but the login host of --cloud is {login}. It was not sent.",
        remedy=f"Check --cloud. If the login host is right: {remedy or f'export {VARIABLE}={login}'}",
    )
