#!lua flags=allow-oom
-- An operator's pause: it has no expiry, so it replaces an outage's and outlives it. The word of
-- a flood stays readable behind it, and what a resume allowed the stage ends.
-- ARGV: queue, reason
local held = redis.call('GET', 'pause:' .. ARGV[1])
local reason = ARGV[2]
if held and string.sub(held, 1, 6) == 'flood:' then
  reason = reason .. ' (before: ' .. held .. ')'
end
redis.call('SET', 'pause:' .. ARGV[1], reason)
redis.call('DEL', 'amnesty:' .. ARGV[1])
return held
