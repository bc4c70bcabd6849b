"""Free ports, chosen once and kept in the home."""

from __future__ import annotations

import errno
import random
import socket
from collections.abc import Iterable

#: Below the range Linux gives outgoing connections, so none of those can sit on a kept port.
FIRST, LAST = 20_000, 31_999


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now. Lingering closed connections do not count.

    Raises :class:`OSError` where none ever could: the host is no address of this machine, or
    the port is for root alone.
    """
    family, kind, *_, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


def keep_or_choose(names: Iterable[str], kept: dict[str, int]) -> dict[str, int]:
    """Ports for ``names``: the kept one where it is still free, a new one elsewhere."""
    chosen = dict(kept)
    draw = random.SystemRandom()
    for name in names:
        while name not in chosen or not is_free(chosen[name]):
            candidate = draw.randint(FIRST, LAST)
            if candidate not in chosen.values():
                chosen[name] = candidate
    return chosen
