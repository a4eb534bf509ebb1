-- Whole purchases of which the order names no products: it checks out the cart. The peer cannot.
CHECKOUT = true
dofile(os.getenv("BENCH_LUA") .. "/purchase.lua")
