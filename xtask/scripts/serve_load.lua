-- Script for wrk: sends the reviews of a JSON Lines file with a field `text` to a running `ressenti serve`, one review
-- in a request. Every connection starts at a random review.
local bodies = {}
local index = 0

function init(arguments)
  for line in io.lines(arguments[1]) do
    bodies[#bodies + 1] = wrk.format("POST", "/predict", { ["content-type"] = "application/json" }, line)
  end
  math.randomseed(os.time())
  index = math.random(#bodies)
end

function request()
  index = index % #bodies + 1
  return bodies[index]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("%.0f requests/s, p50 %.2f ms, p99 %.2f ms, max %.2f ms; %d requests, %d not 2xx, %d broken connections\n",
    summary.requests / summary.duration * 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3,
    summary.requests, errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
