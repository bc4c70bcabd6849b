#!lua flags=allow-oom
-- Put a reserved message aside, with the reason. Its events stay counted: they are not lost.
-- ARGV: queue, tag, reason
local queue, tag = ARGV[1], ARGV[2]
local message = redis.call('HGET', 'reserved:' .. queue, tag)
if not message then
  return 0
end
redis.call('HDEL', 'reserved:' .. queue, tag)
redis.call('HDEL', 'owners:' .. queue, tag)
redis.call('HSET', 'parked:' .. queue, redis.sha1hex(message), message)
redis.call('HSET', 'parked-why:' .. queue, redis.sha1hex(message), ARGV[3])
return 1
