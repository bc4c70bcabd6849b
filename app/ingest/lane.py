"""The ingest paths on asyncio: a lane to :class:`app.ingest.handler.IngestHandler` beside Flask's.

It takes what is plain and frequent, and leaves all else to Flask, which knows the same paths and
calls the same handler. Whatever may block goes to a thread: a key that must be asked for, a body
that takes long to read, and the publishing.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor

from app.cors import answer_headers
from app.errors import ApiError, of_bug
from app.ingest.commit import CommitFailed
from app.ingest.endpoint import Endpoint, IngestRequest, IngestResponse, Submission
from app.ingest.endpoints import endpoint_at
from app.ingest.handler import (
    DRAINED_BODIES,
    IngestHandler,
    content_length,
    sends_body,
    unstored,
)
from app.ingest.keyring import NotAtHand
from app.ingest.loop_commit import LoopCommitter
from app.ingest.sent_body import SentBody
from app.ingest.slow_senders import SlowSenders
from app.rsgi import HeaderPairs, HTTPProtocol, Scope

INLINE_BYTES = 64 * 1024
"""The largest body that is read within the event loop; others would hold up all requests there.
Reading takes some 2 µs per KB."""


class IngestLane:
    """For one event loop. ``readers`` run what may block; ``max_wire_bytes`` bounds a body, and
    ``slow`` how long it is waited for.
    """

    def __init__(
        self,
        handler: IngestHandler,
        committer: LoopCommitter,
        readers: Executor,
        max_wire_bytes: int,
        slow: SlowSenders,
    ) -> None:
        self._handler = handler
        self._committer = committer
        self._readers = readers
        self._max_wire_bytes = max_wire_bytes
        self._slow = slow

    def endpoint(self, scope: Scope) -> Endpoint | None:
        """The endpoint of a request that this lane takes; None for one that is Flask's.

        Headers that occur twice or are no ASCII are told apart by Flask as HTTP has it.
        """
        endpoint = endpoint_at(scope.path) if scope.method == "POST" else None
        if endpoint is None:
            return None
        headers = scope.headers
        return endpoint if len(headers.keys()) == len(headers.values()) else None

    async def serve(self, endpoint: Endpoint, scope: Scope, protocol: HTTPProtocol) -> None:
        """Answer a request for an endpoint."""
        request = IngestRequest(endpoint, scope.query_string, scope.headers, iter(()))
        body = SentBody(protocol)
        try:
            answer = await self._accept(request, body)
        except ApiError as error:
            if sends_body(request.headers):
                await body.forget(DRAINED_BODIES * self._max_wire_bytes)
            self._handler.note(request, error)
            answer = endpoint.refused(error, request)
        except Exception as error:
            answer = endpoint.refused(of_bug(error), request)
        origin = request.headers.get("origin")
        protocol.response_bytes(answer.status, _headers(answer, origin), answer.body)

    async def _accept(self, request: IngestRequest, body: SentBody) -> IngestResponse:
        project_id = await self._decide(request)
        coming = body.read(self._max_wire_bytes, content_length(request.headers))
        wire = await self._slow.wait(coming)
        submission = await self._understand(request, project_id, wire)
        self._handler.admit(request, submission)
        accepted = True  # also where the sender goes away meanwhile
        try:
            for event_type, envelopes in submission.batches.items():
                await self._committer.commit(event_type, envelopes)
        except CommitFailed as failed:
            accepted = False
            raise unstored(failed) from failed
        finally:
            self._handler.settle(submission, accepted=accepted)
        return request.endpoint.accepted(submission)

    async def _decide(self, request: IngestRequest) -> int | None:
        try:
            return self._handler.decide_at_once(request)
        except NotAtHand:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._readers, self._handler.decide, request)

    async def _understand(
        self, request: IngestRequest, project_id: int | None, wire: bytes
    ) -> Submission:
        handler = self._handler

        def understand() -> Submission:
            body = handler.decode(request, wire)
            project = handler.decide_by_body(request, body) if project_id is None else project_id
            return handler.understand(request, project, body)

        plain = len(wire) <= INLINE_BYTES and not request.headers.get("content-encoding")
        if plain and project_id is not None:
            return understand()
        return await asyncio.get_running_loop().run_in_executor(self._readers, understand)


def _headers(answer: IngestResponse, origin: str | None) -> HeaderPairs:
    """As Flask gives them: the answer's own, what it holds, and what browsers ask for."""
    headers = dict(answer.headers)
    kind = headers.pop("Content-Type", "text/plain")
    return [
        *headers.items(),
        ("Content-Type", kind),
        ("Content-Length", str(len(answer.body))),
        *answer_headers(origin, credentials=True),
    ]
