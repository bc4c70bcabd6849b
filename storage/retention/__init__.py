"""Retention: what is past its term, and dropping it."""
