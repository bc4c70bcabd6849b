#!lua flags=allow-oom
-- What waits in queues, without handing the messages over. Reading one of megabytes takes the
-- broker milliseconds, so an answer that cost much serves all who ask within the next second.
-- ARGV: queues
-- Returns for each queue its events and the time of its oldest, in ms or 0, separated by spaces
local kept = 'load:' .. redis.sha1hex(table.concat(ARGV, ' '))
local answer = redis.call('GET', kept)
if answer then
  return answer
end
local out, bytes = {}, 0
for i = 1, #ARGV do
  local message = redis.call('LINDEX', ARGV[i], -1) or ''
  local oldest = string.match(string.sub(message, 1, 4096), '"sluice%-oldest%-ms": ?(%d+)')
  bytes = bytes + #message
  out[#out + 1] = redis.call('GET', 'events:' .. ARGV[i]) or '0'
  out[#out + 1] = oldest or '0'
end
answer = table.concat(out, ' ')
if bytes > 65536 then
  redis.call('SET', kept, answer, 'PX', 900)
end
return answer
