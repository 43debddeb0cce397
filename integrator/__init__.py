"""Integrator: a SOAP service that a POS writes to once and that keeps every shop in step."""

__version__ = "0.1.0"
