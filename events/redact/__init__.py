"""Redaction: what a project wants blanked in its events before anything is stored. Pure.

``rules`` says what a project may wish, ``redactor`` does it to an event. Within, ``finder`` has
what rules look for compiled (``names``, ``patterns``) and sees quickly that an event has nothing of
it; ``scan`` goes through JSON token by token, ``text`` through one string. Every step is linear in
the event, and an event in which nothing matches keeps its bytes as they are.
"""
