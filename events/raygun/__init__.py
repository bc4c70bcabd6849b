"""The Raygun protocol: splitting and validating bodies, and what its SDKs mean by their fields.

Protocols of an envelope: ``raygun.entry`` (a crash) and ``raygun.rum`` (one item of RUM's
``eventData``). Codes of :class:`events.record.Malformed` raised here: ``not_json``,
``too_deep``, ``too_large``, ``not_an_object``, ``not_an_array``, ``missing_field``, ``no_events``,
``too_many``.
"""
