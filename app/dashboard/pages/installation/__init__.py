"""The settings of the installation: a module a tab."""
