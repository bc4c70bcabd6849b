#!lua flags=allow-oom
-- Take a message out of the parked ones: back to its queue as if never delivered, or for good.
-- ARGV: queue, digest, 'replay' or 'drop', events to count off when dropped
-- Returns 1, or 0 when it is not parked (any more)
local queue, digest = ARGV[1], ARGV[2]
local message = redis.call('HGET', 'parked:' .. queue, digest)
if not message then
  return 0
end
redis.call('HDEL', 'parked:' .. queue, digest)
redis.call('HDEL', 'parked-why:' .. queue, digest)
redis.call('HDEL', 'deliveries:' .. queue, digest)
if ARGV[3] == 'drop' then
  if tonumber(ARGV[4]) > 0 then
    redis.call('DECRBY', 'events:' .. queue, ARGV[4])
  end
  return 1
end
redis.call('LPUSH', queue, message)
local wake = 'wake:' .. queue
redis.call('LPUSH', wake, 1)
redis.call('LTRIM', wake, 0, 15)
redis.call('PEXPIRE', wake, 60000)
return 1
