"""Spans, metrics and sessions as pages show them; pure."""
