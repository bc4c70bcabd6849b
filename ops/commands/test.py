"""test: everything that must pass, on real servers started for the run."""

from __future__ import annotations

import contextlib
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
from ops.node import install_node_packages
from ops.paths import CHECKOUT, cache_path
from ops.python_packages import install_python_packages
from ops.servers.direct import running_servers

_CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("lint-imports",),
)
#: The quick ones first, so that a mistake shows early.
_KINDS = ("unit", "contract", "integration", "browser", "system", "faults")
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
    if not _names_paths(paths):
        _run_checks()
    with _environment() as environment:
        sys.exit(_pytest([*paths], environment))


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
def _environment() -> Iterator[dict[str, str]]:
    """Servers of the run's own in a temporary home; they end with it, however it ends."""
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
    with (
        tempfile.TemporaryDirectory(prefix="sluice-test-") as folder,
        running_servers(Home(Path(folder)), cache, {}, say) as addresses,
    ):
        yield {
            **_kept_environment(),
            **addresses,
            "SLUICE_TEST_NODE_MODULES": str(sdks),
            "SLUICE_TEST_BROWSER_MODULES": str(checkers),
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
    if not _names_paths(arguments):
        argv += [str(CHECKOUT / "tests" / kind) for kind in _KINDS]
    with subprocess.Popen(argv, env=environment) as child:
        try:
            return child.wait()
        except KeyboardInterrupt:
            # pytest got the terminal's Ctrl-C itself; a TERM to us it did not.
            child.send_signal(signal.SIGINT)
            child.wait()
            raise
