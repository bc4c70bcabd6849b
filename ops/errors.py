"""What goes wrong for the person at the terminal: one sentence that says what to do."""

from __future__ import annotations


class OpsError(Exception):
    """A failure told in one clear sentence; the command line prints it and exits 1."""
