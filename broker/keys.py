"""Names of the broker's keys. A queue's ready list has the queue's own name, as stock tools expect.

========================  =====================================================================
``<queue>``               list of ready messages, newest at the head
``reserved:<queue>``      hash of delivery tag → message handed to a worker and not yet answered
``owners:<queue>``        hash of delivery tag → owner of that reservation
``deliveries:<queue>``    hash of SHA-1 of a message → how often it was handed out and came back
``parked:<queue>``        hash of tag → message no task can take; ``parked-why:<queue>`` says why
``events:<queue>``        how many events ready, reserved and parked messages hold
``pause:<queue>``         while it exists nothing is handed out; its value says why
``amnesty:<queue>``       while it exists the stage may dead-letter any share of its events
``wake:<queue>``          list that publishers push to and idle workers block on
``lease:<owner>``         exists while an owner lives; ``absent:<owner>`` while it is suspected dead
``period:<task>``         a run of this periodic task holds the period; its value is the run's id
``queues``                set of every queue that events ever went into
``flow:<slice>``          hash of ``in|<queue>``, ``out|<queue>`` → events of these 15 seconds
``pools``                 hash of a pool's name → what it last told of itself
``pool-starts:<day>``     hash of a pool's name → how often it was started on this day
``load:<SHA-1>``          an answer of ``load.lua`` for those queues that was dear to find
``batch:<id>``            this batch was published, this event admitted: makes both idempotent
``accepted:<minute>``     hash of ``<project>|<type>`` → events accepted with ids of that minute; of
                          ``<project>|<type>|over`` those accepted and dropped for their quota
``accepted-moving:…``     such a hash on its way to PostgreSQL: ``<move>:<minute>``
``accepted-moves``        hash of a move's id → its minutes; ``accepted-moved`` grows with each step
``used:<day or month>``   hash of ``<project>|<type>`` → events kept with ids of that time, in UTC
``quotas``                hash of ``<project>|<type>`` → bounds of a day, a month and a minute
``totals``                hash of running counters: accepted, retried, replayed, over_quota,
                          refused:<type>:<code>, ignored:<item>
``keys``                  hash of SHA-256 of an API key → its project, and whether it is revoked
``refusals:<project>``    hash of the last kinds of requests that were refused; ``nobody`` is for
                          keys that nobody has
``redaction``             hash of a project's number → its redaction rules, with their version
========================  =====================================================================
"""

from __future__ import annotations

from storage.ledger import OVER

TOTALS = "totals"
MOVES = "accepted-moves"
MOVED = "accepted-moved"
KNOWN_KEYS = "keys"
REDACTION = "redaction"
SEEN_QUEUES = "queues"
POOLS = "pools"


def refusals(project_id: int | None) -> str:
    return f"refusals:{'nobody' if project_id is None else project_id}"


def reserved(queue: str) -> str:
    return f"reserved:{queue}"


def parked(queue: str) -> str:
    return f"parked:{queue}"


def parked_why(queue: str) -> str:
    return f"parked-why:{queue}"


def events(queue: str) -> str:
    return f"events:{queue}"


def pause(queue: str) -> str:
    return f"pause:{queue}"


def amnesty(queue: str) -> str:
    return f"amnesty:{queue}"


def flow(part: int) -> str:
    return f"flow:{part}"


def pool_starts(day: int) -> str:
    return f"pool-starts:{day}"


def lease(owner: str) -> str:
    return f"lease:{owner}"


def period(task: str) -> str:
    return f"period:{task}"


def batch(batch_id: object) -> str:
    return f"batch:{batch_id}"


def accepted(minute: object) -> str:
    return f"accepted:{minute}"


def moving(move: object, minute: int) -> str:
    return f"accepted-moving:{move}:{minute}"


def used(period: str) -> str:
    return f"used:{period}"


def accepted_field(project_id: int, event_type: str) -> str:
    return f"{project_id}|{event_type}"


def over_field(project_id: int, event_type: str) -> str:
    return accepted_field(project_id, event_type + OVER)
