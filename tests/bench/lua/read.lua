-- Read a cart of five lines.
dofile(os.getenv("BENCH_LUA") .. "/common.lua")

function request()
    return wrk.format("GET", "/api/cart/u" .. math.random(USERS), HEADERS)
end
