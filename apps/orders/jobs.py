"""What orders does by itself: expire, check what was let through, take up what was left."""

from contextlib import suppress
from datetime import timedelta
from functools import partial

from apps.orders import clients, creation, model, service, store
from shop_common import job_lease
from shop_common.background import Job
from shop_common.clock import to_iso
from shop_common.context import Context
from shop_common.errors import ConflictError, PartnerError
from shop_common.exchange import BadAnswerError
from shop_common.http_client import NoPlaceError

AT_ONCE = 100
# Of so many, in one run of the sweep: more than the busiest shop sells between two.
SWEPT_BATCHES = 20
# A little more than one call to a partner may take; a holder that died delays the work so long.
LEASE_S = 6.0
EVERY_S = 1.0


def all_jobs(context: Context) -> list[Job]:
    sweep_every_s = min(5.0, context.config.sweep_after_s)
    return [
        Job("expire_orders", EVERY_S, lambda: expire_orders(context)),
        Job("check_unverified", EVERY_S, lambda: check_unverified(context)),
        # Each by itself: a partner that is silent holds up nothing of the other.
        Job("sweep_catalog", sweep_every_s, lambda: sweep(context, "catalog")),
        Job("sweep_cart", sweep_every_s, lambda: sweep(context, "cart")),
    ]


def expire_orders(context: Context) -> None:
    """EXPIRED is what an order becomes that nobody paid for ORDER_TTL_S; its stock goes back."""
    before = to_iso(context.clock() - timedelta(seconds=context.config.order_ttl_s))
    with context.db.read() as tx:
        order_ids = store.list_unpaid(tx, before, AT_ONCE)
    for order_id in order_ids:
        _move(context, order_id, model.EXPIRED, model.CLOCK, "not paid in time")


def check_unverified(context: Context) -> None:
    """Reserve, in the order taken, what was ordered while the catalogue was silent.

    What it refuses is cancelled with its reason, and refunded if it is paid. One worker at a time.
    """
    with context.db.read() as tx:
        orders = store.list_unverified(tx, AT_ONCE)
    for order in orders:
        if not job_lease.hold(context.db, "check_unverified", context.clock, LEASE_S):
            return
        try:
            clients.ask_to_reserve(context, order.order_id, order.lines, probe=True)
        except clients.RefusedError as refusal:
            # A refusal that names no line is about the id: the order was given up meanwhile.
            if refusal.names_lines:
                reason = refusal.error.detail
                _move(context, order.order_id, model.CANCELLED, model.CATALOG, reason)
        except BadAnswerError:
            # It may be about this order, which goes to the end of the list if that happens thrice.
            # Others wait for the next run: an answer that says nothing may have taken seconds.
            context.db.write(partial(store.count_check_failure, order_id=order.order_id))
            return
        except (PartnerError, NoPlaceError, clients.BusyCatalogError):
            return
        else:
            now = to_iso(context.clock())
            context.db.write(partial(store.save_verified, order_id=order.order_id, now=now))


def _move(context: Context, order_id: str, to_status: str, actor: str, reason: str) -> None:
    """Move an order, unless it has gone where that move does not start."""
    with suppress(ConflictError):
        service.move_order(context, order_id, to_status, reason, actor)


def sweep(context: Context, partner: str) -> None:
    """Settle what catalog holds, or cart keeps, for ids that have an order; claim the others.

    So a try that died between two steps costs neither stock nor a cart.
    """
    claimed: set[str] = set()
    for _ in range(SWEPT_BATCHES):
        if not job_lease.hold(context.db, f"sweep_{partner}", context.clock, LEASE_S):
            return
        if not _sweep_batch(context, partner, claimed):
            return


def _sweep_batch(context: Context, partner: str, claimed: set[str]) -> bool:
    """Take the oldest that a partner lists; whether there may be more.

    It lists what is `claimed`, which grows, until the message that gives it back has arrived.
    """
    users = clients.list_unsettled(context, partner, AT_ONCE)
    new = users.keys() - claimed
    if new:
        with context.db.read() as tx:
            statuses = store.find_statuses(tx, list(new))
        ordered = [i for i in new if statuses.get(i, model.ABANDONED) != model.ABANDONED]
        if ordered:
            clients.settle(context, partner, ordered)
        for order_id in new - set(ordered):
            creation.claim(context, order_id, users[order_id], by_relay=True)
            claimed.add(order_id)
    return bool(new) and len(users) == AT_ONCE
