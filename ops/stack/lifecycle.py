"""Bringing an installation up and down, and single parts of it."""

from __future__ import annotations

import fnmatch
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from ops.errors import OpsError
from ops.home import Home, State
from ops.paths import CHECKOUT
from ops.procfile import read_procfile
from ops.stack.plan import Plan, files_address, make_plan
from ops.stack.presence import NOT_RUNNING, supervisor_of
from ops.stack.provision import provision
from ops.stack.readiness import Awaited, check_external, wait_ready, web_trouble
from ops.stack.report import web_address
from ops.stack.samples import send_and_await
from ops.supervision.configuration import set_autostart, write_configuration
from ops.supervision.leftovers import end_groups, read_sighting
from ops.supervision.remote import choose_socket, start_supervisor

Say = Callable[[str], None]


def bring_up(home: Home, environ: Mapping[str, str], say: Say) -> bool:
    """Start everything and wait until sample events are readable; ``False`` if it runs already.

    Raises :class:`OpsError` with one sentence when it cannot; then nothing is left running.
    Two at once: the second waits for the first, and finds it running.
    """
    home.make()
    with home.lock():
        state = home.load()
        if supervisor_of(state) is not None:
            if state.complete:
                return False
            say("an earlier start was killed before it was done: starting anew")
            _end(home, state, say)
        home.check_space()
        end_leftovers(home, say)
        check_external(environ)
        plan = make_plan(home, state, environ, say)
        state.environment = plan.environment
        state.socket = choose_socket(home, state.socket)
        state.stopped = []
        state.complete = False
        home.save(state)
        try:
            _start(home, state, plan, say)
        except BaseException:
            # Also at Ctrl-C: half an installation helps nobody.
            _end(home, state, say)
            raise
        return True


def _start(home: Home, state: State, plan: Plan, say: Say) -> None:
    _prepare(plan)
    servers = plan.server_programs()
    Path(state.socket).unlink(missing_ok=True)
    write_configuration(
        home, state.socket, [*servers, *plan.parts], {program.name for program in servers}
    )
    supervisor = start_supervisor(home, state.socket)
    awaited = [Awaited(item.name, partial(item.trouble, plan.site)) for item in plan.servers]
    wait_ready(awaited, supervisor, home.logs, say)
    project = provision(plan.settings, state.secrets["project_key"], state.secrets["token"], say)
    state.project_id, state.public_key = project.id, project.public_key
    home.save(state)
    supervisor.start(part.name for part in plan.parts)
    web = web_address(plan.environment)
    addresses = {"web": web, "files": files_address(plan.environment)}
    awaited = [Awaited(name, partial(web_trouble, url)) for name, url in addresses.items()]
    wait_ready(awaited, supervisor, home.logs, say)
    set_autostart(home, stopped=())
    if not state.sampled:
        send_and_await(web, state.secrets["project_key"], state.secrets["token"], say)
        state.sampled = True
    state.complete = True
    home.save(state)


def _prepare(plan: Plan) -> None:
    """Prepare the servers at the same time: one downloads while another makes its data."""
    failures: list[Exception] = []

    def prepare(server_prepare: Callable[[], None]) -> None:
        try:
            server_prepare()
        except Exception as error:  # raised again below, in the caller's thread
            failures.append(error)

    threads = [
        threading.Thread(target=prepare, args=(partial(server.prepare, plan.site),))
        for server in plan.servers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def take_down(home: Home, say: Say) -> bool:
    """Stop everything, parts before servers; ``False`` when nothing ran. Data stays."""
    if not home.root.exists():
        return False
    with home.lock():
        state = home.load()
        return _end(home, state, say)


def _end(home: Home, state: State, say: Say) -> bool:
    supervisor = supervisor_of(state)
    if supervisor is None:
        return end_leftovers(home, say) > 0
    names = [item.name for item in supervisor.processes()]
    parts = {part.name for part in read_procfile(CHECKOUT / "Procfile", state.environment)}
    say("stopping…")
    supervisor.stop(name for name in names if name in parts)
    supervisor.stop(names)
    supervisor.shut_down()
    own = read_sighting(home.run / "supervisord.pid")
    end_groups([own] if own else [])
    end_leftovers(home, say)
    return True


def end_leftovers(home: Home, say: Say) -> int:
    """End what an earlier run left when its supervisor was killed; returns how many."""
    paths = sorted(home.run.glob("*.pid"))
    seen = {path.stem: read_sighting(path) for path in paths}
    supervisor = seen.pop("supervisord", None)
    # The supervisor first and unasked: it does not answer, and would start what we end.
    ended = end_groups([supervisor] if supervisor else [], at_once=True)
    ended += end_groups(sighting for sighting in seen.values() if sighting)
    if ended:
        say(f"ended {ended} processes that an earlier run left")
    for path in paths:
        path.unlink(missing_ok=True)
    return ended


def switch(home: Home, patterns: Iterable[str], *, on: bool) -> list[str]:
    """Start or stop the processes that the globs name; returns their names.

    A stopped one stays so until it or everything is started. Raises :class:`OpsError` when
    nothing runs or a glob names nothing.
    """
    if not home.root.exists():
        raise OpsError(NOT_RUNNING)
    with home.lock():
        state = home.load()
        supervisor = supervisor_of(state)
        if supervisor is None:
            raise OpsError(NOT_RUNNING)
        names = _matching(patterns, [item.name for item in supervisor.processes()])
        state.stopped = sorted(set(state.stopped) - set(names) if on else {*state.stopped, *names})
        home.save(state)
        set_autostart(home, state.stopped)
        (supervisor.start if on else supervisor.stop)(names)
        return names


def _matching(patterns: Iterable[str], names: list[str]) -> list[str]:
    found: list[str] = []
    for pattern in patterns:
        hits = fnmatch.filter(names, pattern)
        if not hits:
            raise OpsError(f"no process matches {pattern!r}; there are: {', '.join(names)}")
        found += [name for name in hits if name not in found]
    return found
