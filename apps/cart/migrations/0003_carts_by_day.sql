-- The sweep of idle carts goes by the day of the last change: an index of the time itself would be
-- written anew by every change of a cart, in two places.
DROP INDEX carts_by_age;
ALTER TABLE carts ADD COLUMN changed_on TEXT NOT NULL DEFAULT '';
UPDATE carts SET changed_on = substr(updated_at, 1, 10);
CREATE INDEX carts_by_day ON carts (changed_on);
