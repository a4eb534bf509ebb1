"""The peer's orders: one insert, and the update that a payment asks for."""

import json
import uuid
from typing import Any

from common import connect, verify_api_key
from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel

app = FastAPI()
guarded = [Depends(verify_api_key)]

with connect("orders.db") as conn:
    conn.execute(
        "CREATE TABLE IF NOT EXISTS orders (order_id TEXT PRIMARY KEY, user_id TEXT, items TEXT,"
        " status TEXT DEFAULT 'CREATED', total_amount REAL,"
        " created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,"
        " updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)"
    )
    conn.commit()


class Item(BaseModel):
    product_id: int
    quantity: int
    price: float


@app.post("/orders", dependencies=guarded)
def create_order(user_id: str, items: list[Item]) -> dict[str, Any]:
    order_id = str(uuid.uuid4())
    lines = [item.model_dump() for item in items]
    total_amount = sum(item.price * item.quantity for item in items)
    with connect("orders.db") as conn:
        c = conn.cursor()
        c.execute(
            "INSERT INTO orders (order_id, user_id, items, total_amount) VALUES (?, ?, ?, ?)",
            (order_id, user_id, json.dumps(lines), total_amount),
        )
        conn.commit()
    return {
        "order_id": order_id,
        "status": "CREATED",
        "user_id": user_id,
        "items": lines,
        "total_amount": total_amount,
    }


@app.get("/orders/{order_id}", dependencies=guarded)
def get_order(order_id: str) -> dict[str, Any]:
    with connect("orders.db") as conn:
        c = conn.cursor()
        c.execute(
            "SELECT order_id, status, user_id, items, total_amount FROM orders WHERE order_id = ?",
            (order_id,),
        )
        row = c.fetchone()
    if row is None:
        raise HTTPException(404, f"Order {order_id} not found")
    return {
        "order_id": row[0],
        "status": row[1],
        "user_id": row[2],
        "items": json.loads(row[3]),
        "total_amount": row[4],
    }


@app.post("/orders/{order_id}/payment", dependencies=guarded)
def order_payment(order_id: str) -> dict[str, str]:
    with connect("orders.db") as conn:
        conn.execute(
            "UPDATE orders SET status = 'PAID', updated_at = CURRENT_TIMESTAMP WHERE order_id = ?",
            (order_id,),
        )
        conn.commit()
    return {"order_id": order_id, "status": "PAID"}


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "order service is running", "database": "connected"}
