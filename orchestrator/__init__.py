"""roma-migrate: batch migration of integration assets between ROMA Connect instances."""

__version__ = "0.1.0"
