"""The token that each request carries: a static one, or one that is fetched or refreshed before it expires.

A token is renewed when four fifths of its life are over, so that a shop whose token service is away for a while is
worked with until the end. What was renewed is stored at once, before it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from integrator.connectors.base import Keeper, NeedsCredentials, Throttled, Transient, UnknownOutcome
from integrator.connectors.http import Http
from integrator.connectors.shopify.settings import ShopifyCredentials

PATH = "/admin/oauth/access_token"
RENEW_AFTER = 0.8  # of its life
APP_HINT = "See the app's Client ID and secret in the Dev Dashboard, and that it is installed on this shop."
INSTALL_HINT = "Install the app on the shop again and give the channel its new access token and refresh token."
STATIC_HINT = (
    "Make a new Admin API access token for the app, or check that the app is still installed; "
    "then `integrator channel edit`."
)


class Tokens:
    def __init__(
        self,
        credentials: ShopifyCredentials,
        http: Http,
        keeper: Keeper | None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.credentials = credentials
        self.http = http
        self.keeper = keeper
        self.clock = clock

    def current(self) -> str:
        """Renewed first when it is time for that."""
        known = self.credentials
        token = known.issued_token if known.kind == "client_credentials" else known.access_token
        if known.kind == "token":
            assert token is not None  # the credentials model says so
            return token.get_secret_value()
        now = self.clock()
        due = known.renew_at or known.expires_at
        if token is not None and due is not None and now < due:
            return token.get_secret_value()
        try:
            return self.renew()
        except (Transient, Throttled, UnknownOutcome):
            if token is not None and known.expires_at is not None and now < known.expires_at:
                return token.get_secret_value()
            raise

    def can_renew(self) -> bool:
        return self.credentials.kind != "token"

    def renew(self) -> str:
        """A new token, stored. Raises NeedsCredentials when the app is not let in any more."""
        if self._renewed_elsewhere():
            return self._token()
        known = self.credentials
        secret = known.client_secret.get_secret_value() if known.client_secret else ""
        form = {"client_id": known.client_id, "client_secret": secret}
        if known.kind == "client_credentials":
            answer = self._ask({**form, "grant_type": "client_credentials"}, APP_HINT)
            self._keep({"issued_token": answer["access_token"], **self._times(answer)})
        else:
            assert known.refresh_token is not None
            refresh = {"grant_type": "refresh_token", "refresh_token": known.refresh_token.get_secret_value()}
            try:
                answer = self._ask({**form, **refresh}, INSTALL_HINT)
            except NeedsCredentials:
                # another process refreshed at the same moment: its pair is the one that counts now
                if self._renewed_elsewhere():
                    return self._token()
                raise
            changed = {"access_token": answer["access_token"], **self._times(answer)}
            if answer.get("refresh_token"):
                changed["refresh_token"] = answer["refresh_token"]
            self._keep(changed)
        return self._token()

    def _token(self) -> str:
        known = self.credentials
        token = known.issued_token if known.kind == "client_credentials" else known.access_token
        assert token is not None
        return token.get_secret_value()

    def _renewed_elsewhere(self) -> bool:
        """Takes over what another process stored meanwhile, when that is still good."""
        stored = self.keeper.credentials() if self.keeper else None
        if not isinstance(stored, ShopifyCredentials) or stored == self.credentials:
            return False
        same = (stored.issued_token, stored.access_token) == (
            self.credentials.issued_token,
            self.credentials.access_token,
        )
        self.credentials = stored
        return not same and stored.renew_at is not None and self.clock() < stored.renew_at

    def _times(self, answer: dict[str, Any]) -> dict[str, Any]:
        seconds = answer.get("expires_in")
        if not isinstance(seconds, int | float) or seconds <= 0:
            return {"expires_at": None, "renew_at": None}
        now = self.clock()
        return {
            "expires_at": (now + timedelta(seconds=seconds)).isoformat(),
            "renew_at": (now + timedelta(seconds=seconds * RENEW_AFTER)).isoformat(),
        }

    def _keep(self, changed: dict[str, Any]) -> None:
        if self.keeper is not None:
            self.keeper.save_credentials(changed)
        known = {name: getattr(self.credentials, name) for name in ShopifyCredentials.model_fields}
        self.credentials = ShopifyCredentials.model_validate({**known, **changed})

    def _ask(self, form: dict[str, str], hint: str) -> dict[str, Any]:
        # asking again is harmless: an old refresh token stays good until the new one is used
        response = self.http.request("POST", PATH, writes=False, data=form)
        answer = _json(response)
        if response.is_success and isinstance(answer, dict) and answer.get("access_token"):
            return answer
        said = ""
        if isinstance(answer, dict):
            said = str(answer.get("error_description") or answer.get("error") or answer.get("errors") or "")
        if response.status_code >= 500 or response.status_code == 423:
            raise Transient(f"POST {PATH}: the shop gives no token (HTTP {response.status_code}).", code="NO_TOKEN")
        raise NeedsCredentials(
            f"The shop gives no access token: {said or 'no reason given'} (HTTP {response.status_code}).",
            code="NO_TOKEN",
            hint=hint,
        )


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None
