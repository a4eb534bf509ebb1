-- Pay the orders of BENCH_ORDERS, each once. If they run out, the time ends there.
dofile(os.getenv("BENCH_LUA") .. "/common.lua")

failures = 0
local orders = io.lines(os.getenv("BENCH_ORDERS"))

function request()
    local line = not ran_out_us and orders()
    if not line then
        ran_out_us = ran_out_us or now_us() - began_us
        wrk.thread:stop()
        return wrk.format("GET", "/api/payments?limit=1", HEADERS)
    end
    local id, total = line:match("(%S+) (%S+)")
    return wrk.format("POST", "/api/pay?order_id=" .. id .. "&amount=" .. total, HEADERS)
end

function response(status, _, body)
    if status ~= 200 or not body:find('"status": ?"PAID"') then
        failures = failures + 1
    end
end

function collect(thread)
    return string.format('"failures": %d, "ran_out_s": %.6f',
        thread:get("failures"), (thread:get("ran_out_us") or 0) / 1e6)
end
