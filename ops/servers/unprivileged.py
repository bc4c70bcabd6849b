"""Running as root what refuses to: PostgreSQL and Elasticsearch in a user namespace.

Inside the namespace the process is user 1000, outside it still is root, so every file keeps its
owner and no folder needs other rights.
"""

from __future__ import annotations

import os
import subprocess
from functools import cache

from ops.errors import OpsError

_UNSHARE = ("unshare", "--user", "--map-user=1000", "--map-group=1000")


@cache
def unprivileged_prefix() -> tuple[str, ...]:
    """What to put before a command that refuses root: nothing when we are not root.

    Raises :class:`OpsError` when root may not make a user namespace here.
    """
    if os.geteuid() != 0:
        return ()
    try:
        trial = subprocess.run([*_UNSHARE, "true"], capture_output=True, check=False)
        allowed = trial.returncode == 0
    except FileNotFoundError:
        allowed = False
    if not allowed:
        raise OpsError(
            "PostgreSQL and Elasticsearch refuse to run as root, and user namespaces "
            "(the command unshare) are not available here: run ./sluice as another user"
        )
    return _UNSHARE
