"""Who may use the file server: the holder of a signed URL, or of an API token."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from flask import Request

from app.api.access import CallerCheck, require_token
from app.errors import ApiError
from app.files.signing import SIGNATURE, Deed, Signer
from storage.rights import Caller, Right, of_project

if TYPE_CHECKING:
    from werkzeug.datastructures import MultiDict


RIGHTS_OF: dict[Deed, Right] = {"read": "read", "write": "triage"}
"""The right that is needed for what a URL allows."""


class Gate:
    """Tells who asks. What they may see is then asked of
    :func:`app.api.access.require_right`, as everywhere.
    """

    def __init__(
        self, tokens: CallerCheck, signer: Signer | None, clock: Callable[[], float] = time.time
    ) -> None:
        self._tokens = tokens
        self._signer = signer
        self._clock = clock

    def caller(self, request: Request, deed: Deed = "read") -> Caller:
        """Who asks: a signed URL speaks for its project.

        Raises ``ApiError`` 403 for a URL whose signature is wrong or expired, 401 for a token that
        is missing or unknown, and ``StoreDown``.
        """
        if SIGNATURE not in request.args:
            return require_token(request, self._tokens)
        if self._signer is None:
            raise ApiError(
                403, "signature_invalid", "Signed URLs need SLUICE_SESSION_KEY to be set."
            )
        query = _only_once(request.args)
        project_id = self._signer.verify(deed, request.path, query, self._clock())
        return of_project("signed URL", project_id, "of this URL", RIGHTS_OF[deed])


def _only_once(pairs: MultiDict[str, str]) -> dict[str, str]:
    """The query without what is given twice: two readers might take different ones."""
    return {name: values[0] for name, values in pairs.lists() if len(values) == 1}
