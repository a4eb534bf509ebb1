-- For the statistics: what was paid in a period. Written once, when an order is paid.
CREATE INDEX orders_by_payment ON orders (paid_at) WHERE paid_at IS NOT NULL;
