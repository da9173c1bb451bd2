"""What the program uses of libraries that they do not promise: each of these has an upper bound in
pyproject.toml.
"""

import io
from importlib import import_module
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from prompt_toolkit.data_structures import Size
from prompt_toolkit.output.vt100 import Vt100_Output
from rich.live import Live

from tests.support.project import PACKAGE, PROJECT, imports

# It documents the questions alone
PRIVATE = {
    "azure-core": [
        "azure.core.rest._http_response_impl.HttpResponseImpl",
        "azure.core.rest._http_response_impl_async.AsyncHttpResponseImpl",
    ],
    "questionary": ["questionary.prompts.common.InquirerControl"],
}
"""Imported, by distribution."""
MEMBERS = {"prompt-toolkit", "rich"}
"""Distributions of which a private member is used."""
MINOR_VERSIONS_BREAK = {"azure-mgmt-web", "httpx", "typer"}


def is_private(name: str) -> bool:
    return any(part.startswith("_") and not part.endswith("__") for part in name.split("."))


@pytest.mark.parametrize("name", [name for names in PRIVATE.values() for name in names])
def test_a_private_name_that_we_import_is_there(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    assert isinstance(getattr(import_module(module), attribute), type)


def test_private_members_that_we_use_are_there() -> None:
    assert Live()._lock.acquire(blocking=False)
    assert Vt100_Output(io.StringIO(), lambda: Size(24, 80)).enable_cpr
    assert Path(str(import_module("httpx").__file__)).with_name("_main.py").is_file(), (
        "what is kept from being imported"
    )


def test_every_private_name_that_is_imported_is_tested_here() -> None:
    # There: Python's own `_signal`
    files = [file for file in PACKAGE.rglob("*.py") if file != PACKAGE / "__main__.py"]
    names = {
        f"{module}.{name}" for file in files for module, name in imports(file) if is_private(module)
    }
    assert names == {name for names in PRIVATE.values() for name in names if is_private(name)}


def test_versions_have_an_upper_bound_where_one_is_known_to_be_needed_and_nowhere_else() -> None:
    requirements = map(Requirement, PROJECT["project"]["dependencies"])
    bounded = {
        each.name for each in requirements if any(part.operator == "<" for part in each.specifier)
    }
    assert bounded == {*PRIVATE, *MEMBERS, *MINOR_VERSIONS_BREAK}
