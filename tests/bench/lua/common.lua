-- What every script shares: which ids there are, the clock, and what is left for the report.
-- The settings come in the environment; the answers go to BENCH_OUT as JSON.

local ffi = require("ffi")
ffi.cdef [[
    typedef struct { long seconds; long nanoseconds; } bench_time;
    int clock_gettime(int clock, bench_time *time);
]]

ROUND = tonumber(os.getenv("BENCH_ROUND"))
USERS = tonumber(os.getenv("BENCH_USERS"))
PRODUCTS = tonumber(os.getenv("BENCH_PRODUCTS"))
PEER = os.getenv("BENCH_SYSTEM") == "peer"
HEADERS = { ["X-API-Key"] = os.getenv("BENCH_KEY") }
JSON_HEADERS = { ["X-API-Key"] = os.getenv("BENCH_KEY"), ["Content-Type"] = "application/json" }

-- These three are in tests/bench/catalogue.py too.
LINES = 5
STRIDE = 611953

-- The product of line 0 to 4 of the cart of user 1 to USERS: all carts together name all products.
function product_of(user, line)
    return 1 + ((user - 1) * LINES + line) * STRIDE % PRODUCTS
end

function price_of(product)
    return 1 + product % 50
end

local time = ffi.new("bench_time")

-- Microseconds of the monotonic clock.
function now_us()
    ffi.C.clock_gettime(1, time)
    return tonumber(time.seconds) * 1e6 + tonumber(time.nanoseconds) / 1e3
end

local thread

function setup(the_only_one)
    thread = the_only_one
end

-- Another sequence in each round, the same in each run of the benchmark.
function init()
    math.randomseed(ROUND)
    began_us = now_us()
end

function done(summary, latency)
    local errors = summary.errors
    local out = io.open(os.getenv("BENCH_OUT"), "w")
    out:write(string.format(
        '{"requests": %d, "seconds": %.6f, "lost": %d, "refused": %d, "p50_ms": %.3f, "p99_ms": %.3f',
        summary.requests, summary.duration / 1e6,
        errors.connect + errors.read + errors.write + errors.timeout, errors.status,
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
    if collect then
        out:write(", ", collect(thread))
    end
    out:write("}\n")
    out:close()
end
