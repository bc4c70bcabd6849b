#!lua flags=no-writes,allow-oom
-- Which queue hands out, or has handed out, events as old as a moment; all queues in one moment, so
-- that no message slips past. A queue longer than the bound is not looked through and counts as one.
-- ARGV: moment in milliseconds, most ready messages looked at, queues
-- Returns nil or the queue
local moment, most = tonumber(ARGV[1]), tonumber(ARGV[2])
local function is_old(message)
  local oldest = string.match(string.sub(message, 1, 4096), '"sluice%-oldest%-ms": ?(%d+)')
  return not oldest or tonumber(oldest) <= moment
end
for i = 3, #ARGV do
  local queue = ARGV[i]
  local length = redis.call('LLEN', queue)
  if length > most then
    return queue
  end
  for last = -1, -length, -16 do
    for _, message in ipairs(redis.call('LRANGE', queue, math.max(last - 15, -length), last)) do
      if is_old(message) then
        return queue
      end
    end
  end
  for _, tag in ipairs(redis.call('HKEYS', 'reserved:' .. queue)) do
    if is_old(redis.call('HGET', 'reserved:' .. queue, tag)) then
      return queue
    end
  end
end
return nil
