"""Imports structlog without rich, for services: imported by each of them before all else of ours.

structlog imports rich where it is installed, to draw exceptions in colours. The command line has it
for its own use; a service, which logs JSON, would keep 4 MB a process for nothing.
"""

from __future__ import annotations

from config.absent import absent

with absent("rich"):
    import structlog  # noqa: F401 - the point
