"""Whether what was started in a home runs; every command may ask, so it loads little."""

from __future__ import annotations

from collections.abc import Mapping

from ops.home import Home, State
from ops.supervision.remote import Supervisor

NOT_RUNNING = "Sluice is not running: start it with ./sluice up"


def supervisor_of(state: State) -> Supervisor | None:
    """The supervisor of a home if it runs."""
    if not state.socket:
        return None
    supervisor = Supervisor(state.socket)
    return supervisor if supervisor.answers() else None


def is_idle(home: Home, environ: Mapping[str, str]) -> bool:
    """Whether what a command here would ask is this home's own, and nothing of it is started."""
    state = home.load()
    own = not any(environ.get(name) for name in ("SLUICE_REDIS_URL", "SLUICE_POSTGRES_DSN"))
    return own and bool(state.environment) and supervisor_of(state) is None
