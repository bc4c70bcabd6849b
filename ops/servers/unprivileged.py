"""Running as root what refuses to: PostgreSQL and Elasticsearch in a user namespace.

Inside the namespace the process is a user without rights, outside it still is who it was, so
every file keeps its owner and no folder needs other rights. A user without a name (containers
are given such) is helped the same way, for PostgreSQL asks for its user's name.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from functools import cache

from ops.errors import OpsError


@cache
def unprivileged_prefix() -> tuple[str, ...]:
    """What to put before a command that refuses root: nothing for a user with a name.

    Raises :class:`OpsError` when a user namespace is needed and not allowed here.
    """
    own = os.geteuid()
    named = [entry for entry in pwd.getpwall() if entry.pw_uid != 0]
    if own != 0 and any(entry.pw_uid == own for entry in named):
        return ()
    prefix = _unshare(named[0]) if named else ()
    if not prefix or not _works(prefix):
        raise OpsError(
            "PostgreSQL and Elasticsearch refuse to run as root or without a user name, and user "
            "namespaces (the command unshare) are not available here: run ./sluice as another user"
        )
    return prefix


def _unshare(user: pwd.struct_passwd) -> tuple[str, ...]:
    return ("unshare", "--user", f"--map-user={user.pw_uid}", f"--map-group={user.pw_gid}")


def _works(prefix: tuple[str, ...]) -> bool:
    try:
        return subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
