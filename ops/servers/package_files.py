"""Files inside an installed package, found without importing it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from ops.errors import OpsError


def package_file(package: str, pattern: str, setting: str) -> Path:
    """The last file of ``package`` that the glob names.

    These packages carry programs for some machines only, and importing them has effects of its
    own. Raises :class:`OpsError`, naming the ``setting`` that makes the program unneeded.
    """
    spec = importlib.util.find_spec(package)
    found = sorted(Path(spec.origin).parent.glob(pattern)) if spec and spec.origin else []
    if not found:
        raise OpsError(
            f"the package {package} has no {Path(pattern).name} for this machine (Linux x86-64 is "
            f"needed): set {setting} to a server of your own"
        )
    return found[-1]
