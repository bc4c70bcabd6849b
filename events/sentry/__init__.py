"""The Sentry protocol: its envelopes and older bodies, and what its SDKs mean by their items.

Protocols of our envelopes: ``sentry.event`` and ``sentry.raw_security`` (crashes). Codes of
:class:`events.record.Malformed` raised here: ``not_json``, ``too_deep``, ``too_large``,
``not_an_object``, ``bad_envelope``, ``bad_item``, ``bad_body``, ``too_many``.

Formats: https://develop.sentry.dev/sdk/data-model/envelopes/ and /event-payloads/.
"""
