"""Accepting events: bytes to envelopes, keys, limits, group commit."""
