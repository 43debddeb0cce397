"""After a change of the rules, what the shops should hold is computed and sent anew."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from integrator.accounts.context import StoreContext
from integrator.store.tables import products


def push_again(
    connection: Connection, store: StoreContext, lanes: Sequence[str], *, channel_id: int | None = None
) -> int:
    """Marks every product of the store on these lanes (of one channel, or of all); how many products.

    The workers find the marks within seconds; a value that is what the shop already has is not sent.
    """
    from integrator.catalogue import marks

    numbers = list(
        connection.execute(
            sa.select(products.c.id)
            .where(products.c.account_id == store.account_id, products.c.store_id == store.store_id)
            .order_by(products.c.id)
        ).scalars()
    )
    marks.mark_many(connection, store.account_id, dict.fromkeys(lanes, numbers), channel_id)
    return len(numbers)
