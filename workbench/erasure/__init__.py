"""Erasing events everywhere: asked for, found, taken out of every store, waited for, reported."""
