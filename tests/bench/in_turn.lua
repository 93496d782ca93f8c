-- For wrk: sends the raw requests of a file, which form feeds part, in turn; with MAX, stops after so many.
--   wrk ... -s in_turn.lua URL -- FILE [MAX]
-- The last line printed is JSON.

local requests, max, sent = {}, math.huge, 0

function init(args)
   local file = assert(io.open(args[1], "rb"))
   for request in file:read("*a"):gmatch("[^\f]+") do
      requests[#requests + 1] = request
   end
   file:close()
   max = tonumber(args[2]) or max
end

function request()
   sent = sent + 1
   if sent > max then
      wrk.thread:stop()
   end
   return requests[(sent - 1) % #requests + 1]
end

function done(summary, latency)
   local e = summary.errors
   io.write(string.format(
      '\n{"requests":%d,"took_us":%d,"refused":%d,"broken":%d,"p50_us":%d,"p99_us":%d}\n',
      summary.requests, summary.duration, e.status, e.connect + e.read + e.write + e.timeout,
      latency:percentile(50), latency:percentile(99)))
end
