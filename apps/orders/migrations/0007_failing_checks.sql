-- An order that the catalogue fails at goes to the end with its third failure: one or two may come
-- of a restart, and whoever ordered first is to get what is left.
DROP INDEX orders_unverified;
CREATE INDEX orders_unverified ON orders ((check_failures / 3), created_at, order_id)
    WHERE unverified = 1;
