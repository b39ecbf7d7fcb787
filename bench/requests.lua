-- Sends the requests of a file in turn, over and over; prints one line of JSON at the end.
--
-- wrk -s requests.lua URL -- FILE [MILLISECONDS between two requests of a connection]
-- Each line of the file: method, path, body (may be empty), then `Name: value` headers, tab-separated.
local requests, turn = {}, 0

-- Not wrk.format: it sends headers in an order that changes with each run, and no client does that.
local function read(line)
  local fields = {}
  for field in (line .. "\t"):gmatch("([^\t]*)\t") do fields[#fields + 1] = field end
  local method, path, body = fields[1], fields[2], fields[3]
  local head = {method .. " " .. path .. " HTTP/1.1", "Host: " .. wrk.headers["Host"]}
  for i = 4, #fields do head[#head + 1] = fields[i] end
  if body ~= "" then head[#head + 1] = "Content-Length: " .. #body end
  return table.concat(head, "\r\n") .. "\r\n\r\n" .. body
end

function init(args)
  for line in io.lines(args[1]) do requests[#requests + 1] = read(line) end
  if args[2] then
    local pause = tonumber(args[2])
    function delay() return pause end
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %f, "p50_ms": %f, "p95_ms": %f, "p99_ms": %f, ' ..
    '"refused": %d, "broken": %d, "late": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(95) / 1e3, latency:percentile(99) / 1e3,
    e.status, e.connect + e.read + e.write, e.timeout))
end
