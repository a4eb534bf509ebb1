"""What is read of many orders at once: the statistics of a period, and the export."""

import heapq
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

from apps.orders import store
from apps.orders.model import STATUSES, Order
from shop_common import money
from shop_common.clock import to_iso
from shop_common.context import Context

TOP_PRODUCTS = 10
EXPORT_PAGE = 500


def get_stats(context: Context, days: int) -> dict[str, Any]:
    """The last so many UTC days, today among them, as they are sent; one snapshot.

    Nothing is kept for it beside the orders: kept sums would be rows that all payments wait for.
    The work grows with what was ordered in the period, the memory with one day of it.
    """
    today = context.clock().replace(hour=0, minute=0, second=0, microsecond=0)
    bounds = [to_iso(today + timedelta(days=number)) for number in range(1 - days, 2)]
    by_day, by_product = [], dict[int, list[int]]()
    with context.db.read() as tx:
        statuses = store.count_statuses(tx, bounds[0], bounds[-1])
        for since, until in pairwise(bounds):
            orders = revenue = 0
            for lines, number, brought in store.list_sold(tx, since, until):
                orders += number
                revenue += brought
                for product_id, quantity, price_minor in lines:
                    sums = by_product.setdefault(product_id, [0, 0])
                    sums[0] += number * quantity
                    sums[1] += number * quantity * price_minor
            by_day.append((since[:10], orders, revenue))
    top = heapq.nsmallest(
        TOP_PRODUCTS, by_product.items(), key=lambda entry: (-entry[1][1], entry[0])
    )
    orders, revenue = sum(day[1] for day in by_day), sum(day[2] for day in by_day)
    return {
        "days": [
            {"date": date, "orders": orders, "revenue": money.to_number(revenue)}
            for date, orders, revenue in by_day
        ],
        "statuses": {status: statuses.get(status, 0) for status in STATUSES},
        "top_products": [
            {"product_id": product_id, "quantity": quantity, "revenue": money.to_number(revenue)}
            for product_id, (quantity, revenue) in top
        ],
        # Half a minor unit is rounded up.
        "average_order": money.to_number((2 * revenue + orders) // (2 * orders))
        if orders
        else None,
        "orders": orders,
        "revenue": money.to_number(revenue),
        "currency": context.config.currency,
    }


def export_orders(context: Context, user_id: str | None, status: str | None) -> Iterator[Order]:
    """Orders, newest first; a page a transaction, so that a slow reader holds none."""
    after = None
    while True:
        with context.db.read() as tx:
            page = store.list_orders(tx, user_id, status, after, EXPORT_PAGE)
        yield from page
        if len(page) < EXPORT_PAGE:
            return
        after = page[-1].order_id
