"""The settings of a project: a module a tab. A new one is a module and a line in ``rows.py``."""
