"""The supervisor's configuration file, made from programs."""

from __future__ import annotations

import io
import resource
import shlex
from collections.abc import Collection, Sequence
from configparser import RawConfigParser
from pathlib import Path

from ops.home import Home, write_private
from ops.programs import Program, launcher_argv

_OPEN_FILES = 65_536

# startsecs=0: a start counts at once, so a program that dies is started again for ever, and
# never later for having died often. The launcher keeps a crash loop from spinning.
_PROGRAM = """
[program:{name}]
command={command}
autostart={autostart}
autorestart=true
startsecs=0
stopsignal={stop_signal}
stopwaitsecs={stop_seconds}
killasgroup=true
redirect_stderr=true
stdout_logfile={logs}/{name}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=3
"""

_SUPERVISOR = """\
[unix_http_server]
file={socket}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisord]
nodaemon=true
silent=true
logfile={logs}/supervisord.log
logfile_maxbytes=10MB
logfile_backups=3
childlogdir={logs}
pidfile={run}/supervisord-own.pid
minfds={open_files}
"""


def configuration_path(home: Home) -> Path:
    """Where the file lies."""
    return home.run / "supervisord.conf"


def write_configuration(
    home: Home, socket: str, programs: Sequence[Program], autostart: Collection[str]
) -> None:
    """Write the file and the programs' launch sheets.

    ``autostart`` names those that a start or a reload of the supervisor brings up.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    text = _SUPERVISOR.format(
        socket=_plain(socket),
        logs=_plain(str(home.logs)),
        run=_plain(str(home.run)),
        open_files=limit,
    )
    sections = (_section(home, program, program.name in autostart) for program in programs)
    write_private(configuration_path(home), text + "".join(sections))


def set_autostart(home: Home, stopped: Collection[str]) -> None:
    """Let a reload of the supervisor bring up every program but the ``stopped`` ones."""
    parser = RawConfigParser(delimiters="=")
    parser.read_string(configuration_path(home).read_text(encoding="utf-8"))
    for section in parser.sections():
        kind, _, name = section.partition(":")
        if kind == "program":
            parser.set(section, "autostart", "false" if name in stopped else "true")
    text = io.StringIO()
    parser.write(text, space_around_delimiters=False)
    write_private(configuration_path(home), text.getvalue())


def _section(home: Home, program: Program, autostart: bool) -> str:
    return _PROGRAM.format(
        name=program.name,
        command=_plain(shlex.join(launcher_argv(home, program))),
        autostart="true" if autostart else "false",
        stop_signal=program.stop_signal,
        stop_seconds=program.stop_seconds,
        logs=_plain(str(home.logs)),
    )


def _plain(text: str) -> str:
    """The file expands per cent signs: double them."""
    return text.replace("%", "%%")
