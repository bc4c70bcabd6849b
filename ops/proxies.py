"""A proxy of the environment is for other machines: servers of this one are asked directly."""

from __future__ import annotations

from collections.abc import MutableMapping

_HERE = "127.0.0.1,localhost,::1"
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_EXCEPTIONS = ("no_proxy", "NO_PROXY")


def ask_this_machine_directly(environ: MutableMapping[str, str]) -> None:
    """Except this machine from the environment's proxies, for us and all that we start.

    Clients read either spelling, and one of them alone where it is set.
    """
    if not any(environ.get(name) or environ.get(name.upper()) for name in _PROXIES):
        return
    excepted = next((environ[name] for name in _EXCEPTIONS if environ.get(name)), "")
    for name in _EXCEPTIONS:
        environ[name] = ",".join(filter(None, (environ.get(name) or excepted, _HERE)))
