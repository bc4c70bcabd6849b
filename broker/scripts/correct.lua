#!lua flags=allow-oom
-- Set the count of events of an empty queue to zero; a queue with messages is left alone.
-- ARGV: queue
-- Returns by how many the count was wrong
local queue = ARGV[1]
if redis.call('EXISTS', queue, 'reserved:' .. queue, 'parked:' .. queue) > 0 then
  return 0
end
local count = tonumber(redis.call('GET', 'events:' .. queue) or 0)
if count ~= 0 then
  redis.call('SET', 'events:' .. queue, 0)
end
return count
