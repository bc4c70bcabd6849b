#!lua flags=allow-oom
-- Put another message in the place of a parked one, from which events were taken out.
-- ARGV: queue, digest, message, events taken out
-- Returns 1, or 0 when the old one is not parked (any more)
local queue, digest = ARGV[1], ARGV[2]
if redis.call('HEXISTS', 'parked:' .. queue, digest) == 0 then
  return 0
end
local why = redis.call('HGET', 'parked-why:' .. queue, digest)
redis.call('HDEL', 'parked:' .. queue, digest)
redis.call('HDEL', 'parked-why:' .. queue, digest)
redis.call('HDEL', 'deliveries:' .. queue, digest)
local fresh = redis.sha1hex(ARGV[3])
redis.call('HSET', 'parked:' .. queue, fresh, ARGV[3])
if why then
  redis.call('HSET', 'parked-why:' .. queue, fresh, why)
end
redis.call('DECRBY', 'events:' .. queue, ARGV[4])
return 1
