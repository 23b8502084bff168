"""Loaded for tests/, solutions/ and notebooks/ alike: the rules by which notebooks are tests."""

pytest_plugins = ["nbval_tolerance"]
