#!lua flags=no-writes,allow-oom
-- Look at the messages of a queue without taking any: the oldest ready ones, then those reserved.
-- ARGV: queue, most messages, most bytes given whole; of what is beyond, the head alone is given
-- Returns a flat list: state, owner, how often it came back, bytes, message or its head, ...
local queue, most, budget, out = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), {}
local suspects = redis.call('EXISTS', 'deliveries:' .. queue) == 1
local function tell(state, owner, message)
  local returns = suspects
    and redis.call('HGET', 'deliveries:' .. queue, redis.sha1hex(message)) or '0'
  out[#out + 1] = state
  out[#out + 1] = owner
  out[#out + 1] = tonumber(returns)
  out[#out + 1] = #message
  out[#out + 1] = #message <= budget and message or string.sub(message, 1, 2048)
  budget = budget - #message
end
for i = 1, math.min(most, redis.call('LLEN', queue)) do
  tell('ready', '', redis.call('LINDEX', queue, -i))
end
local tags = redis.call('HKEYS', 'reserved:' .. queue)
table.sort(tags)
for i = 1, math.min(most, #tags) do
  local message = redis.call('HGET', 'reserved:' .. queue, tags[i])
  tell('reserved', redis.call('HGET', 'owners:' .. queue, tags[i]) or '', message)
end
return out
