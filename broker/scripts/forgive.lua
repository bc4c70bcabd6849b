#!lua flags=allow-oom
-- A message made progress: forget its returns but two, so that it still runs with care.
-- ARGV: queue, tag
local message = redis.call('HGET', 'reserved:' .. ARGV[1], ARGV[2])
if not message then
  return 0
end
redis.call('HSET', 'deliveries:' .. ARGV[1], redis.sha1hex(message), 2)
return 1
