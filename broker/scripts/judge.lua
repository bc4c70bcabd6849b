#!lua flags=allow-oom
-- Ask whether a stage may dead-letter events, counting them if so.
-- A stage of which more than a share of the recent events would die is broken, not its events:
-- then its queue is paused until an operator resumes it.
-- ARGV: queue, events that worked, events that would die, seconds looked back,
--       fewest recent events to judge by, share (0 to 1), reason
-- Returns 1 if they may be dead-lettered, 0 if the queue is paused instead
local queue, good, dead = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local window, now = tonumber(ARGV[4]), tonumber(redis.call('TIME')[1])
local slice = math.max(1, math.floor(window / 6))
local total, died = good + dead, dead
for back = 0, 5 do
  local past = redis.call('HMGET', 'recent:' .. queue .. ':' .. (math.floor(now / slice) - back),
    'good', 'dead')
  total = total + tonumber(past[1] or 0) + tonumber(past[2] or 0)
  died = died + tonumber(past[2] or 0)
end
if dead > 0 and total >= tonumber(ARGV[5]) and died > total * tonumber(ARGV[6])
  and redis.call('EXISTS', 'amnesty:' .. queue) == 0 then
  redis.call('SET', 'pause:' .. queue, 'flood: ' .. died .. ' of the last ' .. total
    .. ' events would be dead-lettered: ' .. ARGV[7])
  return 0
end
local current = 'recent:' .. queue .. ':' .. math.floor(now / slice)
redis.call('HINCRBY', current, 'good', good)
redis.call('HINCRBY', current, 'dead', dead)
redis.call('EXPIRE', current, window * 2)
return 1
