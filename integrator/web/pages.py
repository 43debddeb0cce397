"""The pages that are not SOAP: landing page, health, metrics, webhooks."""

from __future__ import annotations

import hmac
import logging
import uuid
from importlib.util import find_spec
from typing import Any

from flask import Flask, Response, jsonify, render_template, request
from werkzeug.exceptions import HTTPException

from integrator import __version__
from integrator.settings import Settings
from integrator.store.engine import DatabaseUnavailable
from integrator.web import health, metrics

logger = logging.getLogger(__name__)

CONTENT_SECURITY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
RETRY_SECONDS = "10"


def create_app(chosen: Settings) -> Flask:
    app = Flask("integrator.web")
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.config["MAX_CONTENT_LENGTH"] = 2 * 1024 * 1024  # webhooks are small; SOAP does not come here

    if find_spec("integrator.web.webhooks") is not None:
        from integrator.web.webhooks import blueprint

        app.register_blueprint(blueprint)

    @app.get("/")
    def landing() -> str:
        base = chosen.public_url or request.url_root.rstrip("/")
        ready = all(state == "ok" for state in health.problems().values())
        return render_template("landing.html", base=base, version=__version__, ready=ready)

    @app.get("/health/live")
    def live() -> Response:
        return jsonify(status="live", version=__version__)

    @app.get("/health/ready")
    def ready() -> tuple[Response, int]:
        checks = health.problems()
        well = all(state == "ok" for state in checks.values())
        return jsonify(
            status="ready" if well else "not ready", version=__version__, checks=checks
        ), 200 if well else 503

    @app.get("/metrics")
    def figures() -> Response:
        if not _may_see_metrics(chosen):
            return Response("Not here.\n", 403, mimetype="text/plain")
        return Response(metrics.render(), content_type="text/plain; version=0.0.4; charset=utf-8")

    @app.get("/robots.txt")
    def robots() -> Response:
        return Response("User-agent: *\nDisallow: /\n", mimetype="text/plain")

    @app.after_request
    def guard(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Any:
        text = f"{error.code} {error.name}\n"
        if error.code == 404:
            text = f"There is nothing at {request.path[:200]}. The services are at /ProductTasks and /OrderTasks.\n"
        kept = [(k, v) for k, v in error.get_headers() if k.lower() not in ("content-type", "content-length")]
        return Response(text, error.code, headers=kept, mimetype="text/plain")

    @app.errorhandler(DatabaseUnavailable)
    def unavailable(error: DatabaseUnavailable) -> Response:
        logger.warning("database unavailable: %s", error)
        text = "The service cannot work at the moment; try again later.\n"
        return Response(text, 503, {"Retry-After": RETRY_SECONDS}, mimetype="text/plain")

    @app.errorhandler(Exception)
    def unexpected(_error: Exception) -> Response:
        reference = uuid.uuid4().hex[:12]
        logger.exception("unexpected error", extra={"reference": reference, "path": request.path})
        text = f"Something went wrong here. The reference {reference} is in the log.\n"
        return Response(text, 500, mimetype="text/plain")

    return app


def _may_see_metrics(chosen: Settings) -> bool:
    """With a token: who has it. Without: whoever reaches the service directly, not through a proxy."""
    if chosen.metrics_token is not None:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        return hmac.compare_digest(given.encode(), chosen.metrics_token.get_secret_value().encode())
    return not any(request.headers.get(name) for name in ("X-Forwarded-For", "Forwarded", "X-Forwarded-Host"))
