"""Sentry and OpenTelemetry: off unless a setting switches them on, and then with no customer's data.

Both come with the extra `integrator[telemetry]`. `configure` raises ImportError if one is asked for that is not
installed.
"""

from __future__ import annotations

from typing import Any

from integrator import __version__, logs
from integrator.settings import Settings


def configure(settings: Settings, role: str) -> None:
    """Called once in each process, after a fork."""
    if settings.sentry_dsn is not None:
        _sentry(settings.sentry_dsn.get_secret_value(), role)
    if settings.otlp_endpoint:
        _tracing(settings.otlp_endpoint, role)


def _sentry(dsn: str, role: str) -> None:
    import sentry_sdk

    def clean(event: Any, _hint: Any) -> Any:
        """No request bodies, headers, cookies or local variables; secrets masked in what is left."""
        event.pop("request", None)
        cleaned: Any = logs.redact(None, "", event)
        return cleaned

    sentry_sdk.init(
        dsn=dsn,
        release=f"integrator@{__version__}",
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        before_send=clean,
    )
    sentry_sdk.set_tag("role", role)


def _tracing(endpoint: str, role: str) -> None:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create({"service.name": f"integrator-{role}", "service.version": __version__})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")))
    trace.set_tracer_provider(provider)
    HTTPXClientInstrumentor().instrument()
