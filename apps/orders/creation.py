"""How an order comes about, and how a try that fails gives back what it holds elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from apps.orders import clients, model, store
from apps.orders.model import Line, Order, WantedLine, dump_order
from shop_common import idempotency
from shop_common.clock import to_iso
from shop_common.context import Context
from shop_common.db import Row, Transaction
from shop_common.errors import BusyError, ShopError, UnknownOutcomeError
from shop_common.idempotency import AnsweredError
from shop_common.ids import new_id

_GIVEN_UP = "The order took too long and was given up; try again."


@dataclass(slots=True)
class _Try:
    """A try to make an order; `asked` are those that may hold something under its id."""

    order_id: str
    user_id: str
    asked: set[str] = field(default_factory=set)


def create_order(context: Context, user_id: str, wanted: Sequence[WantedLine] | None) -> Order:
    """Take an order at the catalogue's prices, its stock reserved; None: check out the cart.

    While the catalogue is silent the order is taken as it was sent, and checked later. Raises
    what the client is told: NotFoundError, ConflictError, BusyError if a price is not to be had
    or a partner that must answer does not.
    """
    if wanted is not None:
        model.check_size(wanted)
    attempt = _Try(new_id(context.clock()), user_id)
    with idempotency.lease(context.db):
        try:
            return _create(context, attempt, wanted)
        except clients.RefusedError as refusal:
            attempt.asked.remove(refusal.partner)  # all or nothing: a no has taken nothing
            _give_up(context, attempt)
            # Where catalog names no line it is about the id: this try slept, and was given up.
            if refusal.partner == "catalog" and not refusal.names_lines:
                raise BusyError(_GIVEN_UP) from refusal
            raise refusal.error from refusal
        except UnknownOutcomeError:
            raise  # the order may be there: the sweep finds out, and gives back if it is not
        except (ShopError, AnsweredError):
            _give_up(context, attempt)
            raise


def _create(context: Context, attempt: _Try, wanted: Sequence[WantedLine] | None) -> Order:
    if wanted is None:
        attempt.asked.add("cart")
        wanted = clients.take_cart(context, attempt.user_id, attempt.order_id)
    attempt.asked.add("catalog")
    lines = clients.reserve(context, attempt.order_id, wanted)
    unverified = lines is None
    if lines is None:
        if any(line.price_minor is None for line in wanted):
            raise BusyError("The catalogue does not answer and the order names no price.")
        lines = tuple(Line(w.product_id, w.quantity, w.price_minor or 0) for w in wanted)
    now = to_iso(context.clock())
    order = Order(
        order_id=attempt.order_id,
        user_id=attempt.user_id,
        lines=lines,
        status=model.CREATED,
        total_minor=model.total_minor(lines),
        unverified=unverified,
        created_at=now,
        updated_at=now,
    )
    _insert(context, order)
    return order


def _insert(context: Context, order: Order) -> None:
    """The insert of the id decides: if it is there, this try was given up by someone."""

    def insert(tx: Transaction) -> None:
        idempotency.claim(tx)
        if not store.insert_order(tx, order):
            raise BusyError(_GIVEN_UP)
        store.add_history(
            tx, order.order_id, None, order.status, model.CLIENT, None, order.created_at
        )
        idempotency.keep(tx, dump_order(order))

    context.db.write(insert)


def _give_up(context: Context, attempt: _Try) -> None:
    """Claim the id of a try that failed, with what it has to give back."""
    if attempt.asked:
        user_id = attempt.user_id if "cart" in attempt.asked else None
        context.outbox.deliver_all(claim(context, attempt.order_id, user_id))


def claim(
    context: Context, order_id: str, user_id: str | None, *, by_relay: bool = False
) -> list[Row]:
    """Make the id one that no order can have, and give back what is held under it.

    `user_id` says whose cart its lines came from, if they did. Nobody gives anything back without
    having inserted this row, or having found it. The caller delivers the messages, or the relay.
    """
    now = to_iso(context.clock())
    row = Order(order_id, user_id or "", (), model.ABANDONED, 0, False, now, now)

    def abandon(tx: Transaction) -> list[Row]:
        store.insert_order(tx, row)
        if store.find_statuses(tx, [order_id]) != {order_id: model.ABANDONED}:
            return []
        told = [clients.release_message(order_id, "abandoned")]
        if user_id is not None:
            told.append(clients.restore_message(order_id, user_id))
        return [
            context.outbox.add(tx, message, by_relay=by_relay)
            for message in told
            if not context.outbox.has_open(tx, message.aggregate)
        ]

    return context.db.write(abandon)
