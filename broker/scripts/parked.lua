#!lua flags=no-writes,allow-oom
-- List parked messages by digest, without their bodies: the head holds the headers.
-- ARGV: queue, most messages
-- Returns a flat list: digest, why, bytes, head, ...
local queue, out = ARGV[1], {}
local digests = redis.call('HKEYS', 'parked:' .. queue)
table.sort(digests)
for i = 1, math.min(#digests, tonumber(ARGV[2])) do
  local message = redis.call('HGET', 'parked:' .. queue, digests[i])
  out[#out + 1] = digests[i]
  out[#out + 1] = redis.call('HGET', 'parked-why:' .. queue, digests[i]) or ''
  out[#out + 1] = #message
  out[#out + 1] = string.sub(message, 1, 2048)
end
return out
