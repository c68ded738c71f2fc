-- wrk, closed loop, over requests made beforehand (the format of prepared.h). The file's name is wrk's
-- argument: wrk ... -s wrk_prepared.lua URL -- FILE [FIRST]. Prints one line that the bench reads.

local requests, turn = {}, 0

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local data = file:read("*a")
  file:close()
  local at = 1
  while at + 3 <= #data do
    local a, b, c, d = data:byte(at, at + 3)
    local length = ((a * 256 + b) * 256 + c) * 256 + d
    requests[#requests + 1] = data:sub(at + 4, at + 3 + length)
    at = at + 4 + length
  end
  turn = (tonumber(args[2] or "0")) % #requests
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency)
  io.write(string.format(
    '\nRESULT {"requests": %d, "micros": %d, "not_200": %d, "broken": %d, "p50": %d, "p99": %d, "p99.9": %d}\n',
    summary.requests, summary.duration, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
