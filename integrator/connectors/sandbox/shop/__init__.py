"""The sandbox shop itself: a Flask application that the web role mounts at /sandbox.

/<shop>/api/...   the JSON API that the connector speaks
/<shop>/          pages: storefront, orders, settings, behind the shop's key or its private link
"""

from __future__ import annotations

from flask import Flask, Response

LARGEST_BODY = 32 * 1024 * 1024


def create_app() -> Flask:
    """The store (store.engine) must be configured in the process that serves it."""
    from integrator.connectors.sandbox.shop import api, gate, pages
    from integrator.store.engine import DatabaseUnavailable

    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.register_blueprint(api.blueprint)
    app.register_blueprint(pages.blueprint)

    def unavailable(_: Exception) -> Response:
        answer = gate.refusal(503, "database", "The database of the sandbox cannot be reached.")
        answer.headers["Retry-After"] = "5"
        return answer

    app.register_error_handler(DatabaseUnavailable, unavailable)
    return app
