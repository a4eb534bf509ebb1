-- Whole purchases by new users: add two products, order them, pay, see PAID. checkout.lua has another
-- way of ordering.
-- One connection a thread, since wrk's state is the thread's and not the connection's.
dofile(os.getenv("BENCH_LUA") .. "/common.lua")

local step, started_us = 1, nil
local bought, order_id, total = nil, nil, nil
local count, user = 0, nil
failures, durations = 0, {}

local function begin()
    count = count + 1
    step, started_us = 1, now_us()
    local first = math.random(PRODUCTS)
    bought = { first, first % PRODUCTS + 1 }
    user = string.format("p%s-%d-%d", os.getenv("BENCH_ROUND"), number, count)
end

local function order()
    local path, lines = "/api/orders?user_id=" .. user, {}
    if CHECKOUT then
        return wrk.format("POST", path, HEADERS) -- what is in the cart
    end
    for _, product in ipairs(bought) do
        table.insert(lines, string.format(
            '{"product_id": %d, "quantity": 1, "price": %d}', product, price_of(product)))
    end
    return wrk.format("POST", path, JSON_HEADERS, "[" .. table.concat(lines, ", ") .. "]")
end

-- Only an answer moves on, so a request that is sent again after an error is the same.
function request()
    if not bought then
        begin()
    end
    if step <= 2 then
        local path = "/api/cart/" .. user .. "/add?product_id=" .. bought[step]
        return wrk.format("POST", path, HEADERS)
    elseif step == 3 then
        return order()
    end
    return wrk.format("POST", "/api/pay?order_id=" .. order_id .. "&amount=" .. total, HEADERS)
end

function response(status, _, body)
    if step == 3 then
        order_id, total = body:match('"order_id": ?"([^"]+)"'), body:match('"total_amount": ?([%d.]+)')
    end
    local is_good = status == 200
    if step == 3 then
        is_good = is_good and order_id and total
    elseif step == 4 then
        is_good = is_good and body:find('"status": ?"PAID"')
    end
    if is_good and step < 4 then
        step = step + 1
        return
    end
    if is_good then
        table.insert(durations, (now_us() - started_us) / 1e3)
    else
        failures = failures + 1
    end
    begin()
end

function collect(threads)
    local all, bad = {}, 0
    for _, thread in ipairs(threads) do
        bad = bad + thread:get("failures")
        for _, duration in ipairs(thread:get("durations")) do
            table.insert(all, string.format("%.3f", duration))
        end
    end
    return string.format('"failures": %d, "durations_ms": [%s]', bad, table.concat(all, ", "))
end
