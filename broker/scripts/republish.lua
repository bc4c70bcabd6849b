#!lua
-- Publish again, once per key, events that the ledger counts as accepted already.
-- ARGV: queue, message, events, key that remembers it, seconds it is remembered
if not redis.call('SET', ARGV[4], 1, 'NX', 'EX', ARGV[5]) then
  return 0
end
local queue = ARGV[1]
redis.call('LPUSH', queue, ARGV[2])
redis.call('INCRBY', 'events:' .. queue, ARGV[3])
local flow = 'flow:' .. math.floor(redis.call('TIME')[1] / 15)
if redis.call('HINCRBY', flow, 'in|' .. queue, ARGV[3]) == tonumber(ARGV[3]) then
  redis.call('EXPIRE', flow, 1800)
  redis.call('SADD', 'queues', queue)
end
redis.call('HINCRBY', 'totals', 'replayed', ARGV[3])
local wake = 'wake:' .. queue
redis.call('LPUSH', wake, 1)
redis.call('LTRIM', wake, 0, 15)
redis.call('PEXPIRE', wake, 60000)
return 1
