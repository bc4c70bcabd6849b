"""Measuring Sluice: payloads, loads, and what they show."""
