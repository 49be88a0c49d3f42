-- For wrk: the request comes from the environment, the result is one line of JSON. Where a file
-- has several Authorization headers, one a line, they are used in turn.
-- There is no response function on purpose: it would slow wrk down by more than half.
wrk.method = os.getenv("BENCH_METHOD") or "GET"

local body = os.getenv("BENCH_BODY") or ""
if body ~= "" then
  wrk.body = body
  wrk.headers["Content-Type"] = os.getenv("BENCH_CONTENT_TYPE")
end

local authorization = os.getenv("BENCH_AUTHORIZATION") or ""
if authorization ~= "" then
  wrk.headers["Authorization"] = authorization
end

local file = os.getenv("BENCH_AUTHORIZATIONS") or ""
if file ~= "" then
  local requests, last = {}, 0

  function init()
    for line in io.lines(file) do
      wrk.headers["Authorization"] = line
      requests[#requests + 1] = wrk.format()
    end
  end

  function request()
    last = last % #requests + 1
    return requests[last]
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
