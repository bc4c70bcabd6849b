-- wrk's script: requests ready made, sent round and round, at a rate if one is given.
-- Arguments: file of requests (each 4 bytes of length, big-endian, then the request), rate (0: as
-- fast as answers come). With a rate, sending follows the clock and not the answers, as long as a
-- connection is free.
local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long tv_sec; long tv_nsec; } bench_timespec;
  int clock_gettime(int clock, bench_timespec *at);
]]
local now_at = ffi.new("bench_timespec")
local requests, at, sent, begun, rate = {}, 0, 0, nil, 0

local function now_ms()
  ffi.C.clock_gettime(1, now_at)
  return tonumber(now_at.tv_sec) * 1000 + tonumber(now_at.tv_nsec) / 1e6
end

function init(args)
  local file = assert(io.open(args[1], "rb"))
  while true do
    local head = file:read(4)
    if not head then break end
    local a, b, c, d = head:byte(1, 4)
    requests[#requests + 1] = file:read(((a * 256 + b) * 256 + c) * 256 + d)
  end
  file:close()
  rate = tonumber(args[2])
  if rate > 0 then
    function delay()
      begun = begun or now_ms()
      local due = begun + sent * 1000 / rate
      sent = sent + 1
      return math.max(0, math.floor(due - now_ms()))
    end
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  io.stdout:write(string.format(
    '\nRESULT {"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "max_ms": %.3f, '
      .. '"refused": %d, "broken": %d}\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
