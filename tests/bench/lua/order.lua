-- Create an order of one product; its id and total go to BENCH_ORDERS, to be paid afterwards.
dofile(os.getenv("BENCH_LUA") .. "/common.lua")

local file

function request()
    local product = math.random(PRODUCTS)
    return wrk.format(
        "POST", "/api/orders?user_id=u" .. math.random(USERS), JSON_HEADERS,
        string.format('[{"product_id": %d, "quantity": 1, "price": %d}]', product, price_of(product)))
end

function response(status, _, body)
    file = file or io.open(os.getenv("BENCH_ORDERS"), "w")
    if status == 200 then
        local id, total = body:match('"order_id": ?"([^"]+)"'), body:match('"total_amount": ?([%d.]+)')
        file:write(id, " ", total, "\n")
    end
end
