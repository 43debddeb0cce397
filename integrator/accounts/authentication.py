"""Who calls: StoreId, user name and password to a StoreContext, or NotAuthorised.

Passwords are 256 bits of chance, so a single SHA-256 is a safe digest: there is nothing to guess, and no
slow hash that a flood of calls could use against us.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from sqlalchemy import Connection, text

from integrator.accounts.context import StoreContext
from integrator.accounts.settings import StoreSettings

# Compared where there is no user, so that an unknown one takes as long as a wrong password.
NOBODY = hashlib.sha256(b"nobody").digest()

_SECRETS = text(
    """
    SELECT s.account_id, s.id AS store_id, s.code, s.settings, u.name, u.service,
           k.id AS secret_id, k.digest,
           k.last_used_at IS NULL OR k.last_used_at < now() - interval '1 hour' AS note_use
    FROM stores s
    JOIN store_users u ON u.account_id = s.account_id AND u.store_id = s.id
    JOIN user_secrets k ON k.account_id = u.account_id AND k.user_id = u.id
    WHERE s.code = :code AND u.name = :name AND u.revoked_at IS NULL
      AND (k.expires_at IS NULL OR k.expires_at > now())
    ORDER BY k.id DESC
    """
)

# Once an hour per secret, and never waiting for another call that does the same.
_NOTE_USE = text(
    """
    UPDATE user_secrets SET last_used_at = now()
    WHERE (account_id, id) IN (
        SELECT account_id, id FROM user_secrets WHERE account_id = :account_id AND id = :secret_id
        FOR UPDATE SKIP LOCKED)
    """
)


class NotAuthorised(Exception):
    """StoreId, user name or password is wrong, revoked, expired, or not allowed for this service.

    The text never says which, and never holds the password.
    """


def digest(password: str) -> bytes:
    return hashlib.sha256(password.encode("utf-8", "surrogatepass")).digest()


def authenticate(connection: Connection, store_code: str, user_name: str, password: str, service: str) -> StoreContext:
    """The store that these credentials open. `service`: "ProductTasks" or "OrderTasks".

    One query. Every candidate is compared in constant time. Raises NotAuthorised.
    """
    given = digest(password)
    rows: list[Any] = []
    if "\x00" not in store_code + user_name:  # PostgreSQL has no such text
        rows = list(connection.execute(_SECRETS, {"code": store_code, "name": user_name}))
    found = None
    for row in rows:
        if hmac.compare_digest(bytes(row.digest), given):
            found = row
    if not rows:
        hmac.compare_digest(NOBODY, given)
    if found is None or found.service not in (None, service):
        raise NotAuthorised("The credentials are wrong, revoked, or not allowed for this service.")
    if found.note_use:
        connection.execute(_NOTE_USE, {"account_id": found.account_id, "secret_id": found.secret_id})
    return StoreContext(
        account_id=found.account_id,
        store_id=found.store_id,
        code=found.code,
        settings=StoreSettings.model_validate(found.settings),
        user_name=found.name,
    )
