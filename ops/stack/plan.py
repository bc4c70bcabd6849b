"""What an installation consists of, worked out before anything is started."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from config.settings import Settings, SettingsError, load_settings
from ops.errors import OpsError
from ops.home import Home, State
from ops.paths import CHECKOUT, cache_path
from ops.ports import is_free, keep_or_choose
from ops.procfile import read_procfile
from ops.programs import Program
from ops.release import checkout_release
from ops.servers.catalogue import addresses, complete, make_site, needed_servers
from ops.servers.model import Server, Site

PROJECT = "demo"
TOKEN = "operator"  # noqa: S105 - the token's name

_ANY_ADDRESS = {"0.0.0.0", "::", ""}  # noqa: S104 - compared with, not bound to


@dataclass(frozen=True, slots=True)
class Plan:
    """Servers to run, parts to run, and the ``SLUICE_*`` that all of them are given."""

    servers: tuple[Server, ...]
    site: Site
    environment: dict[str, str]
    settings: Settings
    parts: tuple[Program, ...]

    def server_programs(self) -> list[Program]:
        return [server.program(self.site) for server in self.servers]


def make_plan(
    home: Home, state: State, environ: Mapping[str, str], say: Callable[[str], None]
) -> Plan:
    """The plan for a start; completes ``state`` with ports and secrets.

    Raises :class:`OpsError` for a setting that cannot be used or a web port that is taken.
    """
    servers = needed_servers(environ)
    complete(state, servers)
    site = make_site(home, state, cache_path(environ), say)
    environment = addresses(site, environ)
    environment["SLUICE_HOME"] = str(home.root)
    environment["SLUICE_CACHE"] = str(site.cache)
    environment.setdefault("SLUICE_SESSION_KEY", state.secrets["session_key"])
    environment.setdefault("SLUICE_RELEASE", checkout_release())
    flower = str(state.ports["flower"])
    environment["SLUICE_FLOWER_PORT"] = flower
    environment.setdefault("SLUICE_FLOWER_URL", local_address("127.0.0.1", flower))
    settings = read_settings(environment)
    environment["SLUICE_WEB_PORT"] = _port("web", settings.web_host, settings.web_port, state)
    environment["SLUICE_FILES_PORT"] = _port(
        "files", settings.files_host, settings.files_port, state
    )
    environment.update(_defaults(settings, environment))
    if not environment.get("SLUICE_FILES_URL"):
        environment["SLUICE_FILES_URL"] = files_address(environment)
    parts = read_procfile(CHECKOUT / "Procfile", environment)
    return Plan(servers, site, environment, read_settings(environment), tuple(parts))


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Settings, with an unusable one told as :class:`OpsError`."""
    try:
        return load_settings(environ)
    except SettingsError as error:
        raise OpsError(str(error)) from error


def _port(name: str, host: str, port: int, state: State) -> str:
    """The port asked for, which must be free; for 0 a free one, kept in the home."""
    if port == 0:
        state.ports = keep_or_choose([name], state.ports)
        return str(state.ports[name])
    try:
        free = is_free(port, host)
    except OSError as error:
        raise OpsError(
            f"nothing can listen on port {port} of {host}: {error.strerror}; choose others with "
            f"SLUICE_{name.upper()}_PORT and SLUICE_{name.upper()}_HOST"
        ) from error
    if not free:
        raise OpsError(
            f"port {port} of {host} is taken: end what listens there, or choose another with "
            f"SLUICE_{name.upper()}_PORT (0 takes any free one)"
        )
    return str(port)


def local_address(host: str, port: str) -> str:
    """Where a client on this machine finds what listens there."""
    near = "127.0.0.1" if host in _ANY_ADDRESS else host
    return f"http://[{near}]:{port}" if ":" in near else f"http://{near}:{port}"


def public_web_address(settings: Settings) -> str:
    """Where SDKs find the web tier, as far as the settings tell."""
    port = str(settings.web_port)
    return settings.web_public_url or local_address(settings.web_host, port)


def files_address(environment: Mapping[str, str]) -> str:
    """Where a client on this machine finds the file server that runs here."""
    return local_address(environment["SLUICE_FILES_HOST"], environment["SLUICE_FILES_PORT"])


def _defaults(settings: Settings, environment: Mapping[str, str]) -> dict[str, str]:
    """Values that the Procfile's command lines need even where nobody set them."""
    names = ("web_host", "web_workers", "web_threads", "files_host", "files_threads")
    return {
        f"SLUICE_{name.upper()}": str(getattr(settings, name))
        for name in names
        if f"SLUICE_{name.upper()}" not in environment
    }


def client_environment(state: State, environ: Mapping[str, str]) -> dict[str, str]:
    """``SLUICE_*`` for a command that talks to the stores: the last start's, and the caller's; but
    for a port 0, which leaves the choice to a start.
    """
    own = {
        name: value
        for name, value in environ.items()
        if name.startswith("SLUICE_") and not (name.endswith("_PORT") and value == "0")
    }
    return {**state.environment, **own}
