"""Finding the event at fault in a batch, so that only it is dead-lettered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from celery.exceptions import SoftTimeLimitExceeded

from config.policy import RetryPolicy
from events.failures import traceback_of
from storage.errors import Rejected, StoreDown

T = TypeVar("T")

_MAX_TRACEBACK_CHARS = 16_000

#: What comes of a store or of too much work at once, never of the event in hand alone.
OURS_NOT_THEIRS = (StoreDown, SoftTimeLimitExceeded)

Attempt = Callable[[Sequence[T]], None]


@dataclass(frozen=True, slots=True)
class Failure(Generic[T]):
    """An item that fails on its own, with why and after how many tries."""

    item: T
    code: str
    reason: str
    traceback: str
    attempts: int


def failure_of(item: T, error: Exception, attempts: int, code: str | None = None) -> Failure[T]:
    """Describe an error for a dead letter: its text, its traceback, and if ``code`` is null its
    class as code.
    """
    return Failure(
        item=item,
        code=code or getattr(error, "code", None) or type(error).__name__,
        reason=str(error)[:2000],
        traceback=traceback_of(error, _MAX_TRACEBACK_CHARS),
        attempts=attempts,
    )


@dataclass(frozen=True, slots=True)
class Retrying:
    """Retries of one stage: its policy with the sleep and the randomness it uses."""

    policy: RetryPolicy
    sleep: Callable[[float], None]
    random: Callable[[], float]

    def run(self, attempt: Attempt[T], items: Sequence[T]) -> tuple[Exception | None, int]:
        """Try until it works or the policy's attempts are spent; returns the last error and tries.

        :class:`Rejected` would come again, so it is not tried again; :class:`StoreDown` and the
        soft time limit propagate.
        """
        for tries in range(1, self.policy.attempts + 1):
            try:
                attempt(items)
            except OURS_NOT_THEIRS:
                raise
            except Rejected as exc:
                return exc, tries
            except Exception as exc:
                if tries == self.policy.attempts:
                    return exc, tries
                self.sleep(self.policy.delay(tries, self.random()))
            else:
                return None, tries
        raise AssertionError("a retry policy has at least one attempt")


def isolate(
    attempt: Attempt[T], items: Sequence[T], retrying: Retrying
) -> tuple[list[T], list[Failure[T]]]:
    """Split items into those ``attempt`` takes and those that make it fail, by bisection.

    ``attempt`` must be repeatable and may be called with any part of the items; the whole and the
    single item are retried, the parts between are not. For ``k`` items at fault of ``n`` it is
    called about ``2 k log2(n)`` times. :class:`StoreDown` and the soft time limit propagate.
    """
    if not items:
        return [], []
    error, tries = retrying.run(attempt, items)
    if error is None:
        return list(items), []
    if len(items) == 1:
        return [], [failure_of(items[0], error, tries)]
    return _split(attempt, items, retrying)


def _split(
    attempt: Attempt[T], items: Sequence[T], retrying: Retrying
) -> tuple[list[T], list[Failure[T]]]:
    middle = len(items) // 2
    good: list[T] = []
    failures: list[Failure[T]] = []
    for part in (items[:middle], items[middle:]):
        if len(part) == 1:
            kept, failed = isolate(attempt, part, retrying)
        elif _works(attempt, part):
            kept, failed = list(part), []
        else:
            kept, failed = _split(attempt, part, retrying)
        good.extend(kept)
        failures.extend(failed)
    return good, failures


def _works(attempt: Attempt[T], items: Sequence[T]) -> bool:
    try:
        attempt(items)
    except OURS_NOT_THEIRS:
        raise
    except Exception:
        return False
    return True
