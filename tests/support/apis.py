"""Descriptions of APIs other than MCT, and the programs that tests run as these APIs."""

import shutil
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from mct_s2s.inputs.apis import shipped_api
from mct_s2s.model.api import Api

APPS = Path(__file__).parents[1] / "apps"
ORDERS_FILE = APPS / "fastapi" / "orders.toml"
STOCK_FILE = APPS / "express" / "stock.toml"


def described(file: Path) -> Api:
    return Api.in_file(tomllib.loads(file.read_text(encoding="utf-8")), str(file))


ORDERS, STOCK = described(ORDERS_FILE), described(STOCK_FILE)
"""FastAPI with fastapi-azure-auth, and Express with express-oauth2-jwt-bearer: no lists, tokens of
version 2.
"""


@dataclass(frozen=True)
class ApiProgram:
    """A program whose library, not we, judges settings and tokens."""

    api: Api
    option: str
    """What `--api` says."""
    command: tuple[str, ...]
    installed_by: str = ""
    """What has to be run once before the program can start; empty: nothing."""
    installed: Path = APPS
    """What is there after it."""

    @property
    def can_run(self) -> bool:
        return shutil.which(self.command[0]) is not None and self.installed.exists()


_EXPRESS = APPS / "express"
_DOTNET = APPS / "dotnet" / "published" / "app.dll"
PROGRAMS = {
    "fastapi": ApiProgram(
        ORDERS, str(ORDERS_FILE), (sys.executable, str(APPS / "fastapi" / "app.py"))
    ),
    "express": ApiProgram(
        STOCK,
        str(STOCK_FILE),
        ("node", str(_EXPRESS / "app.js")),
        "npm ci --prefix tests/apps/express",
        _EXPRESS / "node_modules" / "express",
    ),
    "dotnet": ApiProgram(
        shipped_api("microsoft-identity-web"),
        "microsoft-identity-web",
        ("dotnet", str(_DOTNET)),
        "dotnet publish tests/apps/dotnet --output tests/apps/dotnet/published",
        _DOTNET,
    ),
}
