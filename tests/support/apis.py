"""Descriptions of APIs other than MCT: those of the apps that tests run."""

import tomllib
from pathlib import Path

from mct_s2s.model.api import Api

APPS = Path(__file__).parents[1] / "apps"
ORDERS_FILE, STOCK_FILE = APPS / "fastapi" / "orders.toml", APPS / "express" / "stock.toml"


def described(file: Path) -> Api:
    return Api.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))


ORDERS, STOCK = described(ORDERS_FILE), described(STOCK_FILE)
"""FastAPI with fastapi-azure-auth, and Express with express-oauth2-jwt-bearer: no lists, tokens of
version 2.
"""
