#!lua flags=allow-oom
-- End a queue's pause, whoever set it, and wake its idle workers.
-- ARGV: queue, seconds for which the stage may dead-letter what it will (0 = none)
-- Returns what the pause said, or nil
local queue = ARGV[1]
local held = redis.call('GET', 'pause:' .. queue)
redis.call('DEL', 'pause:' .. queue)
if tonumber(ARGV[2]) > 0 then
  redis.call('SET', 'amnesty:' .. queue, 1, 'EX', ARGV[2])
end
local wake = 'wake:' .. queue
for _ = 1, 16 do
  redis.call('LPUSH', wake, 1)
end
redis.call('LTRIM', wake, 0, 15)
redis.call('PEXPIRE', wake, 60000)
return held
