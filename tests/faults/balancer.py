"""nginx and HAProxy on the configurations that are shipped, with the test's own addresses."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tests.faults.beside import free_port, needed_program
from tests.faults.installation import CHECKOUT, answers_http, wait_until

_LISTEN = re.compile(r"(listen |bind \S*:)8080")
_STATE = re.compile(r"Server web/(\w+) is (UP|DOWN)")
_NGINX_FAIL_SECONDS = 2.0
"""``fail_timeout``: after so long nginx tries an instance again. It tells nobody."""
_INSTANCES = re.compile(r"(# instances\n)(.*?)( *# end of instances)", re.DOTALL)


class Balancer:
    """One balancer before some instances, in a folder of its own."""

    def __init__(self, kind: str, folder: Path, instances: Sequence[str]) -> None:
        self.port = free_port()
        folder.mkdir()
        template = {
            "nginx": CHECKOUT / "deploy" / "nginx" / "instances.conf",
            "haproxy": CHECKOUT / "deploy" / "haproxy" / "haproxy.cfg",
        }[kind]
        file = folder / template.name
        file.write_text(addressed(template.read_text(encoding="utf-8"), self.port, instances))
        self._command = {
            "nginx": ["-p", f"{folder}/", "-c", str(file), "-g", "daemon off;"],
            "haproxy": ["-db", "-f", str(file)],
        }[kind]
        self._command.insert(0, needed_program(kind))
        self._kind = kind
        self._log = folder / "log"
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def await_return(self, name: str) -> None:
        """Wait until an instance that was away and answers, ``web1`` or ``web2``, gets requests."""
        if self._kind == "nginx":
            time.sleep(_NGINX_FAIL_SECONDS)
        else:
            wait_until(lambda: self._states().get(name) != "DOWN", 60, f"HAProxy has {name} back")

    def _states(self) -> dict[str, str]:
        """What HAProxy said last of each instance; nothing of one that was never away."""
        return dict(_STATE.findall(self._log.read_text(encoding="utf-8", errors="replace")))

    def __enter__(self) -> Balancer:
        with self._log.open("wb") as log:
            self._child = subprocess.Popen(self._command, stdout=log, stderr=log)
        wait_until(lambda: answers_http(self.url), 30, f"{self._command[0]} answers")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._child is not None
        self._child.terminate()
        self._child.wait(30)


def addressed(text: str, port: int, instances: Sequence[str]) -> str:
    """A shipped configuration with another port, and its first instance's line for each one."""
    found = _INSTANCES.search(text)
    assert found is not None
    pattern = found[2].splitlines()[0]
    lines = [
        re.sub(r"127\.0\.0\.1:8000", address, pattern).replace("web1", f"web{number}")
        for number, address in enumerate(instances, 1)
    ]
    body = "".join(f"{line}\n" for line in lines)
    text = text[: found.start(2)] + body + text[found.end(2) :]
    return _LISTEN.sub(rf"\g<1>127.0.0.1:{port}" if "listen " in text else rf"\g<1>{port}", text)
