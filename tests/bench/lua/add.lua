-- Add to cart: one more of a product that the user's cart holds already, so no cart grows.
dofile(os.getenv("BENCH_LUA") .. "/common.lua")

function request()
    local user = math.random(USERS)
    local product = product_of(user, math.random(LINES) - 1)
    return wrk.format("POST", "/api/cart/u" .. user .. "/add?product_id=" .. product, HEADERS)
end
