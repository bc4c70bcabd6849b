"""test: everything that must pass, on real servers started for the run."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType

import click

from ops.bootstrap import install
from ops.commands.output import say, told
from ops.errors import OpsError
from ops.home import Home
from ops.java_packages import install_java_packages
from ops.node import install_node_packages
from ops.paths import CHECKOUT, cache_path
from ops.python_packages import install_python_packages
from ops.servers.direct import running_servers
from ops.servers.elasticsearch import java_runtime

_CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("lint-imports",),
)
#: The quick ones first, so that a mistake shows early.
_SIDE_BY_SIDE = ("unit", "contract", "integration", "browser")
"""Tests that mostly wait for what they started: file by file they share a machine well."""
_ALONE = ("system", "faults")
"""Tests of a whole Sluice, which has the machine to itself."""
_AT_ONCE = 2
"""Processes of pytest side by side; each has servers of its own, which take 1 GB."""
_NO_TESTS = 5
#: What a person's own Sluice is told must not reach the tests', which have servers of their own.
_KEPT = ("SLUICE_CACHE", "SLUICE_TEST_COMPOSE", "SLUICE_TEST_SEED")


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("paths", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--faults", is_flag=True, help="Run the faults alone, in full, and write the README's table."
)
@told
def test(paths: tuple[str, ...], faults: bool) -> None:
    """Check style, types and imports, then run all tests; or only those under PATHS.

    Options that are not known here go to pytest, such as -k or -x.
    """
    if install("requirements-dev.txt") != 0:
        raise OpsError("the packages that tests need could not be installed")
    signal.signal(signal.SIGTERM, _interrupt)
    if faults:
        # They bring up a Sluice of their own, servers included.
        where = [] if _names_paths(paths) else [str(CHECKOUT / "tests" / "faults")]
        sys.exit(_pytest([*paths, *where], {**_kept_environment(), "SLUICE_TEST_FAULTS": "full"}))
    if _names_paths(paths):
        with _environment(1) as environment:
            sys.exit(_pytest([*paths], environment))
    _run_checks()
    with _environment(_AT_ONCE) as environment:
        split = ["--numprocesses", str(_AT_ONCE), "--dist", "loadfile"]
        first = _pytest([*paths, *split, *_folders(_SIDE_BY_SIDE)], environment)
    if first not in (0, _NO_TESTS) and "-x" in paths:
        sys.exit(first)
    second = _pytest([*paths, *_folders(_ALONE)], _kept_environment() | _programs())
    sys.exit(_worst(first, second))


def _folders(kinds: Iterable[str]) -> list[str]:
    return [str(CHECKOUT / "tests" / kind) for kind in kinds]


def _worst(*codes: int) -> int:
    """pytest's exit code for all of its runs: that a selection left one without tests is fine."""
    ran = [code for code in codes if code != _NO_TESTS]
    return max(ran, default=_NO_TESTS)


def _names_paths(arguments: Iterable[str]) -> bool:
    return any(not argument.startswith("-") for argument in arguments)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _run_checks() -> None:
    for tool, *arguments in _CHECKS:
        say(f"{tool} {' '.join(arguments)}".rstrip())
        done = subprocess.run(
            [str(Path(sys.executable).parent / tool), *arguments], cwd=CHECKOUT, check=False
        )
        if done.returncode != 0:
            raise OpsError(f"{tool} found something: see above")


@contextlib.contextmanager
def _environment(sets: int) -> Iterator[dict[str, str]]:
    """Servers of the run's own in temporary homes, a set for each process of pytest.

    They end with the run, however it ends. ``SLUICE_TEST_SERVERS`` lists the sets, for
    ``tests/conftest.py``; the first stands in the environment.
    """
    more = _programs()
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(_servers()) for _ in range(sets)]
        yield {
            **_kept_environment(),
            **servers[0],
            **more,
            "SLUICE_TEST_SERVERS": json.dumps(servers),
        }


@contextlib.contextmanager
def _servers() -> Iterator[dict[str, str]]:
    with (
        tempfile.TemporaryDirectory(prefix="sluice-test-") as folder,
        running_servers(Home(Path(folder)), cache_path(os.environ), {}, say) as addresses,
    ):
        yield addresses


def _programs() -> dict[str, str]:
    """Where tests find what they run of other languages, installed if it is not there."""
    cache = cache_path(os.environ)
    sdk = CHECKOUT / "tests" / "system" / "sdk"
    sdks = install_node_packages(sdk, cache, say)
    checkers = install_node_packages(CHECKOUT / "tests" / "browser" / "node", cache, say)
    pythons = {
        f"SLUICE_TEST_SENTRY_{version}": str(
            install_python_packages(sdk / f"sentry-python-{version}.txt", cache, say)
        )
        for version in (1, 2)
    }
    jars = install_java_packages(sdk / "java.txt", cache, say)
    return {
        "SLUICE_TEST_NODE_MODULES": str(sdks),
        "SLUICE_TEST_BROWSER_MODULES": str(checkers),
        "SLUICE_TEST_JAVA": str(java_runtime()),
        "SLUICE_TEST_JAVA_PACKAGES": str(jars),
        **pythons,
    }


def _kept_environment() -> dict[str, str]:
    others = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SLUICE_") or name.startswith(_KEPT)
    }
    return {
        **others,
        "SLUICE_CACHE": str(cache_path(os.environ)),
        "PYTHONPATH": str(CHECKOUT),
    }


def _pytest(arguments: list[str], environment: dict[str, str]) -> int:
    """Run pytest in the caller's folder for its paths, with the checkout's settings."""
    argv = [sys.executable, "-P", "-m", "pytest", "-c", str(CHECKOUT / "setup.cfg")]
    argv += ["--rootdir", str(CHECKOUT), *arguments]
    with subprocess.Popen(argv, env=environment) as child:
        try:
            return child.wait()
        except KeyboardInterrupt:
            # pytest got the terminal's Ctrl-C itself; a TERM to us it did not.
            child.send_signal(signal.SIGINT)
            child.wait()
            raise
