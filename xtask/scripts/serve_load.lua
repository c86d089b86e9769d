-- For wrk: asks a running `ressenti serve` about the reviews of a file of JSON lines with a field `text`,
-- one review a request, every connection another one.
local bodies = {}
local place = 0

function init(arguments)
  for line in io.lines(arguments[1]) do
    bodies[#bodies + 1] = wrk.format("POST", "/predict", { ["content-type"] = "application/json" }, line)
  end
  math.randomseed(os.time())
  place = math.random(#bodies)
end

function request()
  place = place % #bodies + 1
  return bodies[place]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("%.0f requests/s, p50 %.2f ms, p99 %.2f ms, most %.2f ms; %d requests, %d not 2xx, %d broken connections\n",
    summary.requests / summary.duration * 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3,
    summary.requests, errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
