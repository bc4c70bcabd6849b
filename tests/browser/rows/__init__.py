"""The pages that the browser tests go through: a module of rows for each part of the dashboard."""

from tests.browser.rows import accounts, operators, shell, telemetry, triage, users
from tests.browser.rows.row import Row

ROWS: tuple[Row, ...] = (
    *accounts.ROWS,
    *shell.ROWS,
    *triage.ROWS,
    *users.ROWS,
    *telemetry.ROWS,
    *operators.ROWS,
)

__all__ = ["ROWS", "Row"]
