"""Faults against a whole running Sluice: nothing accepted is lost, and nothing is stored twice."""
