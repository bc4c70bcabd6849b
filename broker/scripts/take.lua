#!lua flags=allow-oom
-- Hand out one message of the first queue that has one: popped and recorded in one step, so that
-- no instant exists at which a kill loses it.
-- ARGV: owner, fresh tag suffix, deliveries at which a message is parked,
--       then pairs: queue, '1' if it is answered later or '0' if taking it is the answer
-- Returns nil or {queue, tag, message, how often it came back}
for i = 4, #ARGV, 2 do
  local queue = ARGV[i]
  if redis.call('EXISTS', 'pause:' .. queue) == 0 then
    local message = redis.call('RPOP', queue)
    while message do
      local tag = queue .. '/' .. ARGV[2]
      if ARGV[i + 1] == '0' then
        return {queue, tag, message, 0}
      end
      local returns = 0
      if redis.call('EXISTS', 'deliveries:' .. queue) == 1 then
        returns = tonumber(redis.call('HGET', 'deliveries:' .. queue, redis.sha1hex(message)) or 0)
      end
      if returns < tonumber(ARGV[3]) then
        redis.call('HSET', 'reserved:' .. queue, tag, message)
        redis.call('HSET', 'owners:' .. queue, tag, ARGV[1])
        return {queue, tag, message, returns}
      end
      redis.call('HDEL', 'deliveries:' .. queue, redis.sha1hex(message))
      redis.call('HSET', 'parked:' .. queue, redis.sha1hex(message), message)
      redis.call('HSET', 'parked-why:' .. queue, redis.sha1hex(message),
        'its worker died ' .. returns .. ' times')
      message = redis.call('RPOP', queue)
    end
  end
end
return nil
