"""What orders tells the other apps, through its outbox."""

from urllib.parse import quote

from shop_common.outbox import Message


def release(order_id: str, reason: str) -> Message:
    return Message(
        topic="release",
        aggregate=f"catalog/{order_id}",
        partner="catalog",
        path=f"/reservations/{order_id}/release",
        body={"reason": reason},
    )


def restore(order_id: str, user_id: str) -> Message:
    return Message(
        topic="restore",
        aggregate=f"cart/{order_id}",
        partner="cart",
        path=f"/cart/{quote(user_id, safe='')}/checkouts/{order_id}/restore",
        body={},
    )


def return_payment(order_id: str, payment_id: str | None, reason: str) -> Message:
    return Message(
        topic="return",
        aggregate=f"payments/{order_id}",
        partner="payments",
        path=f"/payments/{payment_id}/return",
        body={"reason": reason},
    )
