-- For the list of orders that are not checked yet, newest first.
CREATE INDEX orders_unverified_by_time ON orders (created_at, order_id) WHERE unverified = 1;
