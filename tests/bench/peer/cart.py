"""The peer's cart: asks the catalogue for all products, then reads, appends, writes."""

import json
from typing import Any

import requests
from common import CATALOG_URL, HEADERS, TIMEOUT_S, connect, verify_api_key
from fastapi import Depends, FastAPI, HTTPException

app = FastAPI()
guarded = [Depends(verify_api_key)]

with connect("carts.db") as conn:
    conn.execute(
        "CREATE TABLE IF NOT EXISTS carts (user_id TEXT PRIMARY KEY, items TEXT,"
        " created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,"
        " updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)"
    )
    conn.commit()


def validate_product(product_id: int) -> bool:
    try:
        response = requests.get(f"{CATALOG_URL}/products", headers=HEADERS, timeout=TIMEOUT_S)
        if response.status_code == 200:
            return any(product["id"] == product_id for product in response.json())
        return True
    except Exception:  # noqa: BLE001 - fail open on any error, as the description has it
        return True


@app.post("/cart/{user_id}/add", dependencies=guarded)
def add_to_cart(user_id: str, product_id: int, quantity: int = 1) -> dict[str, Any]:
    if not validate_product(product_id):
        raise HTTPException(404, f"Product {product_id} not found in catalog")
    with connect("carts.db") as conn:
        c = conn.cursor()
        c.execute("SELECT items FROM carts WHERE user_id = ?", (user_id,))
        row = c.fetchone()
        items = json.loads(row[0]) if row else []
        items.append({"product_id": product_id, "quantity": quantity})
        if row:
            c.execute(
                "UPDATE carts SET items = ?, updated_at = CURRENT_TIMESTAMP WHERE user_id = ?",
                (json.dumps(items), user_id),
            )
        else:
            c.execute(
                "INSERT INTO carts (user_id, items) VALUES (?, ?)", (user_id, json.dumps(items))
            )
        conn.commit()
    return {"message": "Item added", "cart": items}


@app.get("/cart/{user_id}", dependencies=guarded)
def get_cart(user_id: str) -> dict[str, Any]:
    with connect("carts.db") as conn:
        c = conn.cursor()
        c.execute("SELECT items FROM carts WHERE user_id = ?", (user_id,))
        row = c.fetchone()
    return {"user_id": user_id, "cart": json.loads(row[0]) if row else []}


@app.delete("/cart/{user_id}/clear", dependencies=guarded)
def clear_cart(user_id: str) -> dict[str, str]:
    with connect("carts.db") as conn:
        conn.execute("DELETE FROM carts WHERE user_id = ?", (user_id,))
        conn.commit()
    return {"message": "Cart cleared"}


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "cart service is running", "database": "connected"}
