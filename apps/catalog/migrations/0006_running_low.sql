-- For what runs low or out, of which there may be few among many.
CREATE INDEX products_running_low ON products (id) WHERE stock <= 10;
