-- Whole purchases by new users: add two products, order them, pay, see PAID. checkout.lua has another
-- way of ordering.
-- wrk does not say on which connection an answer came, so the answer itself must say whose it is: a cart
-- by its first product, which no other cart has meanwhile, an order by its user, a payment by its order.
dofile(os.getenv("BENCH_LUA") .. "/common.lua")

local count = 0
local under_way = {} -- purchases by what the next answer will say
local ready = {} -- those whose last answer has come
failures, durations = 0, {}

local function begin()
    count = count + 1
    local first, tried = math.random(PRODUCTS), 1
    -- All are taken once so many purchases have been refused.
    while under_way[first] and tried < PRODUCTS do
        first, tried = first % PRODUCTS + 1, tried + 1
    end
    under_way[first] = {
        step = 1,
        started_us = now_us(),
        bought = { first, first % PRODUCTS + 1 },
        user = string.format("%s%d-%d", CHECKOUT and "c" or "p", ROUND, count),
    }
    return under_way[first]
end

local function order(purchase)
    local path, lines = "/api/orders?user_id=" .. purchase.user, {}
    if CHECKOUT then
        return wrk.format("POST", path, HEADERS) -- what is in the cart
    end
    for _, product in ipairs(purchase.bought) do
        table.insert(lines, string.format(
            '{"product_id": %d, "quantity": 1, "price": %d}', product, price_of(product)))
    end
    return wrk.format("POST", path, JSON_HEADERS, "[" .. table.concat(lines, ", ") .. "]")
end

-- Each answer is followed by a request, so as many purchases are under way as there are connections.
function request()
    local purchase = table.remove(ready) or begin()
    if purchase.step <= 2 then
        local product = purchase.bought[purchase.step]
        return wrk.format("POST", "/api/cart/" .. purchase.user .. "/add?product_id=" .. product, HEADERS)
    elseif purchase.step == 3 then
        return order(purchase)
    end
    local query = "?order_id=" .. purchase.order_id .. "&amount=" .. purchase.total
    return wrk.format("POST", "/api/pay" .. query, HEADERS)
end

-- The next step of the purchase; whether the answer is as it should be.
local function advance(purchase, order_id, body)
    if purchase.step == 2 then
        under_way[purchase.bought[1]] = nil
        under_way[purchase.user] = purchase
    elseif purchase.step == 3 then
        purchase.order_id, purchase.total = order_id, body:match('"total_amount": ?([%d.]+)')
        if not purchase.order_id or not purchase.total then
            return false
        end
        under_way[purchase.user] = nil
        under_way[order_id] = purchase
    elseif purchase.step == 4 then
        under_way[order_id] = nil
        if not body:find('"status": ?"PAID"') then
            return false
        end
        table.insert(durations, (now_us() - purchase.started_us) / 1e3)
        return true
    end
    purchase.step = purchase.step + 1
    table.insert(ready, purchase)
    return true
end

-- A purchase that is refused ends there, and its connection begins another.
function response(status, _, body)
    local order_id = body:match('"order_id": ?"([^"]+)"')
    local said = body:match('"user_id": ?"([^"]+)"') or order_id
        or tonumber(body:match('"product_id": ?(%d+)'))
    local purchase = status == 200 and under_way[said]
    if not purchase or not advance(purchase, order_id, body) then
        failures = failures + 1
    end
end

function collect(thread)
    local all = {}
    for _, duration in ipairs(thread:get("durations")) do
        table.insert(all, string.format("%.3f", duration))
    end
    return string.format('"failures": %d, "durations_ms": [%s]',
        thread:get("failures"), table.concat(all, ", "))
end
