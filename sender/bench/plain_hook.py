"""``python -m sender.bench.plain_hook``: the baseline of taking receipts, as Twilio's Flask tutorial has it.

Flask, the SDK's validator, one committed row a request, under the gunicorn that serves the product's pages.
"""

from typing import Any

from flask import Flask, Response, abort, request
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from sqlalchemy import insert
from twilio.request_validator import RequestValidator

from sender.bench.plain import PlainReceipt
from sender.cli.common import load_settings
from sender.db import Database
from sender.settings import Settings

THREADS = 16


def create_app(settings: Settings) -> Flask:
    """The application."""
    app, database = Flask("plain_hook"), Database(settings.database, pool=THREADS)
    token = settings.twilio_auth_token
    validator = RequestValidator(token.get_secret_value() if token else "")

    @app.get("/healthz")
    def health() -> str:
        return "ok"

    @app.post("/hooks/twilio/status/<token>")
    def status(token: str) -> Response:
        signed = request.headers.get("X-Twilio-Signature", "")
        if not validator.validate(f"{settings.hooks_address}{request.path}", request.form, signed):
            abort(403)
        row = {"sid": request.form["MessageSid"], "status": request.form["MessageStatus"]}
        with database.write() as session:
            session.execute(insert(PlainReceipt), [row])
        return Response(status=204)

    return app


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        bind = f"{self._settings.host}:{self._settings.hooks_port}"
        options: dict[str, Any] = {"bind": bind, "worker_class": "gthread", "threads": THREADS, "loglevel": "warning"}
        for name, value in {**options, "control_socket_disable": True}.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return create_app(self._settings)


if __name__ == "__main__":
    _Server(load_settings()).run()
