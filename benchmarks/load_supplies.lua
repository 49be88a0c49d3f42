-- For wrk: as load.lua, with a body of its own for each request, taken from a file in turn.
-- Where they rotate, the refresh token of each answer makes the body of a later request; one that
-- has no answer when wrk ends is lost with its family.
wrk.method = os.getenv("BENCH_METHOD")
wrk.headers["Content-Type"] = os.getenv("BENCH_CONTENT_TYPE")
local authorization = os.getenv("BENCH_AUTHORIZATION")
if authorization ~= "" then
  wrk.headers["Authorization"] = authorization
end

local bodies, first, last = {}, 1, 0
for line in io.lines(os.getenv("BENCH_BODIES")) do
  last = last + 1
  bodies[last] = line
end

function request()
  local body = bodies[first]
  if body ~= nil then
    bodies[first] = nil
    first = first + 1
  end
  return wrk.format(nil, nil, nil, body or "")  -- refused, and so counted, once there is none left
end

if os.getenv("BENCH_ROTATES") == "yes" then
  function response(_, _, body)
    local token = string.match(body, '"refresh_token":"([^"]+)"')
    if token ~= nil then
      last = last + 1
      bodies[last] = "grant_type=refresh_token&refresh_token=" .. token
    end
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"microseconds":%d,"p50":%d,"p90":%d,"p99":%d,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(90), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
