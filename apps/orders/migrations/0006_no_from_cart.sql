-- Nobody has ever read whether an order came from a cart.
ALTER TABLE orders DROP COLUMN from_cart;
