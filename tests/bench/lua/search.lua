-- Ten products found by, in turn, a word of every eighth, two words of every 64th, and a number.
dofile(os.getenv("BENCH_LUA") .. "/common.lua")

-- The words are in tests/bench/catalogue.py too.
local first = { "oak", "steel", "linen", "paper", "stone", "cotton", "glass", "copper" }
local second = { "bowl", "lamp", "chair", "towel", "shelf", "plate", "clock", "frame" }
local turn = 0

function request()
    turn = turn + 1
    local words
    if turn % 3 == 0 then
        words = first[math.random(#first)]
    elseif turn % 3 == 1 then
        words = first[math.random(#first)] .. "+" .. second[math.random(#second)]
    else
        words = string.format("n%07d", math.random(PRODUCTS))
    end
    return wrk.format("GET", "/api/catalog/products?limit=10&q=" .. words, HEADERS)
end
