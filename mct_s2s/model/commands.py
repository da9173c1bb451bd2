"""Commands to paste: each value is one word for the shell in use, even `x'$(touch y)'`.

No other module adds values.
"""

import re
import shlex
from collections.abc import Sequence

from mct_s2s.model.resource_id import VIRTUAL_MACHINES, ResourceId

_PLAIN = re.compile(r"[\w+=:./\\-]+", re.ASCII)
"""Neither shell of Windows changes such words."""


def _powershell(word: str) -> str:
    """Quote a word for PowerShell.

    Source:
    learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_quoting_rules.
    """
    return (
        word if _PLAIN.fullmatch(word) else "'" + re.sub(r"(['\u2018-\u201b])", r"\1\1", word) + "'"
    )


def _command_prompt(word: str) -> str:
    """Quote a word for cmd; no quote hides a percent sign.

    Source: learn.microsoft.com/cpp/c-language/parsing-c-command-line-arguments.
    """
    quoted = re.sub(r'(\\*)("|$)', lambda found: found[1] * 2 + found[2] * 2, word).replace(
        "%", '"^%"'
    )
    return word if _PLAIN.fullmatch(word) else f'"{quoted}"'


_SHELLS = {"posix": shlex.quote, "powershell": _powershell, "cmd": _command_prompt}
_in_use = [_SHELLS["posix"]]


def use_shell(name: str) -> None:
    """Quote all commands from now on for `posix`, `powershell` or `cmd`."""
    _in_use[:] = [_SHELLS[name]]


def command(*words: str) -> str:
    """Join words to a command; each stays one word."""
    return " ".join(map(_in_use[0], words))


def option(name: str, value: str) -> str:
    """An option to add to a command that the reader has typed."""
    return f"{name} {command(value)}"


def own_command(verb: str, *words: str, about: str | None = None, where: str = "") -> str:
    """A command of mct-s2s; `about`: the name or ID that it is about.

    Where that looks like an option, it goes to the end, behind `--`.
    """
    before_options = [] if about is None or about.startswith("-") else [about]
    after_options = "" if about is None or before_options else command("--", about)
    return " ".join(
        filter(None, (command("mct-s2s", verb, *before_options, *words), where, after_options))
    )


def az_command(verb: str, *words: str) -> str:
    """A command of the Azure CLI; `verb`: such as `ad app update`."""
    return command("az", *verb.split(), *words)


def webapp_command(verb: str, resource: ResourceId, *words: str) -> str:
    """A command of `az webapp` about one App Service; `verb`: such as `identity assign`."""
    return az_command(f"webapp {verb}", *site_options(resource), *words)


def identity_removal(resource: ResourceId) -> str:
    """The command that disables the system-assigned identity of a resource.

    For types other than sites and virtual machines, it takes one without user-assigned ones.
    """
    if resource.is_site:
        return webapp_command("identity remove", resource)
    if resource.type == VIRTUAL_MACHINES:
        return command("az", "vm", "identity", "remove", *site_options(resource))
    return command(
        "az", "resource", "update", "--ids", str(resource), "--set", "identity.type=None"
    )


def secret_reading(vault: str, name: str) -> list[str]:
    place = ["--vault-name", vault, "--name", name]
    return ["az", "keyvault", "secret", "show", *place, "--query", "value", "--output", "tsv"]


def site_options(resource: ResourceId) -> list[str]:
    slot = ["--slot", resource.slot] if resource.slot else []
    return ["-g", resource.resource_group, "-n", resource.names[0], *slot]


def role_assignment(role: str, assignee: Sequence[str], scope: str) -> str:
    return az_command("role assignment create", *assignee, "--role", role, "--scope", scope)


def grant_on_vault(vault: str, role: str, assignee: Sequence[str]) -> str:
    grant = az_command("role assignment create", *assignee, "--role", role)
    look_up = command("az", "keyvault", "show", "--name", vault, "--query", "id", "--output", "tsv")
    return f'{grant} --scope "$({look_up})"'


def credential_removal(client_id: str, key_id: str, *, is_key: bool) -> str:
    words = ["--id", client_id, "--key-id", key_id]
    if is_key:
        words.append("--cert")
    return command("az", "ad", "app", "credential", "delete", *words)


def federated_credential_removal(client_id: str, key_id: str) -> str:
    ids = ["--id", client_id, "--federated-credential-id", key_id]
    return az_command("ad app federated-credential delete", *ids)
