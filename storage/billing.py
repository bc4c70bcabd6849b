"""A month's bill from what SQL has counted and the price list of the settings."""

from __future__ import annotations

from datetime import date

from config.settings import Settings
from storage.cost import CostRow, Prices, bill, next_month
from storage.sql.database import Database
from storage.sql.usage import Usage


def prices_of(settings: Settings) -> Prices:
    """The price list."""
    return Prices(settings.price_put_per_1000, settings.price_get_per_1000, settings.price_gb_month)


def month_bill(settings: Settings, database: Database, month: date) -> tuple[Prices, list[CostRow]]:
    """The prices, and a row a project and type, the system's own included; raises ``StoreDown``."""
    usage, prices = Usage(database), prices_of(settings)
    samples = usage.samples(month, next_month(month))
    return prices, bill(month, prices, usage.written(month), usage.requests(month), samples)
