"""What an event is, and what it becomes: pure functions, no I/O.

One module an event type (``crash``, ``rum``); :mod:`events.registry` finds them by name.
"""
