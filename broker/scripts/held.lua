#!lua flags=no-writes,allow-oom
-- Every message of queues, ready, reserved and parked, in one moment, within a bound of bytes.
-- ARGV: most bytes, queues
-- Returns '1' if it is all of them else '0', then a flat list: queue, message, ...
local budget, out = tonumber(ARGV[1]), {'1'}
local function keep(queue, message)
  budget = budget - #message
  if budget < 0 then
    out[1] = '0'
    return false
  end
  out[#out + 1] = queue
  out[#out + 1] = message
  return true
end
for i = 2, #ARGV do
  local queue = ARGV[i]
  for last = 1, redis.call('LLEN', queue) do
    if not keep(queue, redis.call('LINDEX', queue, -last)) then
      return out
    end
  end
  for _, kind in ipairs({'reserved:', 'parked:'}) do
    for _, tag in ipairs(redis.call('HKEYS', kind .. queue)) do
      if not keep(queue, redis.call('HGET', kind .. queue, tag)) then
        return out
      end
    end
  end
end
return out
