"""The peer's payments: one insert, then orders is told."""

import uuid
from typing import Any

import requests
from common import HEADERS, ORDERS_URL, TIMEOUT_S, connect, verify_api_key
from fastapi import Depends, FastAPI

app = FastAPI()

with connect("payments.db") as conn:
    conn.execute(
        "CREATE TABLE IF NOT EXISTS payments (payment_id TEXT PRIMARY KEY, order_id TEXT,"
        " amount REAL, status TEXT, timestamp TIMESTAMP DEFAULT CURRENT_TIMESTAMP)"
    )
    conn.commit()


@app.post("/pay", dependencies=[Depends(verify_api_key)])
def pay(order_id: str, amount: float) -> dict[str, Any]:
    payment_id = str(uuid.uuid4())
    with connect("payments.db") as conn:
        conn.execute(
            "INSERT INTO payments (payment_id, order_id, amount, status)"
            " VALUES (?, ?, ?, 'COMPLETED')",
            (payment_id, order_id, amount),
        )
        conn.commit()
    status, message = "COMPLETED", "Payment successful, order not updated yet"
    try:
        response = requests.post(
            f"{ORDERS_URL}/orders/{order_id}/payment", headers=HEADERS, timeout=TIMEOUT_S
        )
        if response.status_code == 200:
            status, message = "PAID", "Payment successful and order updated"
    except requests.RequestException:
        pass  # the payment stands all the same
    return {
        "payment_id": payment_id,
        "order_id": order_id,
        "status": status,
        "message": message,
        "amount": amount,
    }


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "payment service is running", "database": "connected"}
