"""Helpers of the course on deep generative models: simulators, figures, widgets and checks."""

__version__ = "1.0.0"
