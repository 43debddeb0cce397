"""Whose call it is: handed from the authentication to every function that works for a store."""

from __future__ import annotations

from dataclasses import dataclass

from integrator.accounts.settings import StoreSettings


@dataclass(frozen=True, slots=True)
class StoreContext:
    account_id: int
    store_id: int
    code: str
    settings: StoreSettings
    user_name: str = ""
