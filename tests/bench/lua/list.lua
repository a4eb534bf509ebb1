-- A page of 100 products that begins anywhere; the peer knows no pages.
dofile(os.getenv("BENCH_LUA") .. "/common.lua")

function request()
    local page = PEER and "" or "?limit=100&after=" .. math.random(0, math.max(0, PRODUCTS - 100))
    return wrk.format("GET", "/api/catalog/products" .. page, HEADERS)
end
